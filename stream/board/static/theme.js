// Before the first paint, so that a chosen theme does not flash. Everything else is in modules.
"use strict";
{
  const stored = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // storage is forbidden: the system's theme it is
    }
  };
  const theme = stored("undertone.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
}
