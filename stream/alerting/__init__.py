"""From verdicts to incidents that people can act on: what happened, who said it, who is told."""
