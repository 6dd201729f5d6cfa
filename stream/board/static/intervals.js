// Shares of small samples: Wilson's 95 % interval. Pure.

const Z = 1.96;

/** [low, high] of `part` of `all`; [0, 1] of nothing. */
export function wilson(part, all) {
  if (!all) return [0, 1];
  const share = part / all;
  const slack = (Z * Z) / all;
  const middle = (share + slack / 2) / (1 + slack);
  const half = (Z * Math.sqrt((share * (1 - share)) / all + slack / all / 4)) / (1 + slack);
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}
