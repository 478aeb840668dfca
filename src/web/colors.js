/** The theme's colours for a canvas, which knows no CSS variables. */
const NAMES = { line: '--accent', text: '--muted', muted: '--line-strong', grid: '--line' };

export function colorsOf(element) {
  const before = element.style.color;
  // A variable holds `light-dark(…)` as written; only a colour in use is resolved.
  const colors = Object.entries(NAMES).map(([name, variable]) => {
    element.style.color = `var(${variable})`;
    return [name, getComputedStyle(element).color];
  });
  element.style.color = before;
  return Object.fromEntries(colors);
}
