// The texts of a page that are hard to read: contrast under 4.5 (WCAG 2.2, 1.4.3, level AA), or under 16 pixels.
// The page's background is the browser's own where nothing is painted, which a colour scheme changes.

const computed = (element) => getComputedStyle(element);
const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
const isClear = (colour) => numbers(colour)[3] === 0;

const probe = document.body.appendChild(document.createElement('i'));
probe.style.background = 'Canvas';
const canvas = computed(probe).backgroundColor;
probe.remove();

function background(element) {
  for (let at = element; at; at = at.parentElement) {
    const colour = computed(at).backgroundColor;
    if (!isClear(colour)) return colour;
  }
  return canvas;
}

function luminance(colour) {
  const [r, g, b] = numbers(colour).map((n) => n / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a, b) {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

const hasText = (element) => element.tagName === 'INPUT'
  || [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());

const problems = [];
for (const element of [...document.body.querySelectorAll('*')].filter(hasText)) {
  if (element.type === 'hidden') continue;
  const { color, fontSize } = computed(element);
  const ratio = contrast(color, background(element));
  const what = `${element.tagName.toLowerCase()} ${JSON.stringify(element.innerText ?? '')}`;
  if (ratio < 4.5) problems.push(`${what}: contrast ${ratio.toFixed(2)}`);
  if (parseFloat(fontSize) < 16) problems.push(`${what}: ${fontSize}`);
}
return problems;
