/**
 * Keeps a person's place on the page when what has the focus goes away or rests, as a button does
 * that was used up: without that a keyboard begins anew at the top, and a screen reader says nothing.
 */

export function keepFocus() {
  /** What had the focus last, and what stands around it, from the inside out. */
  let places = [];
  const take = ({ target }) => {
    places = [];
    for (let one = target; one && one !== document.body; one = one.parentElement) places.push(one);
  };
  const give = () => {
    const [last] = places;
    if (last === undefined || document.activeElement !== document.body) return;
    if (last.isConnected && last.disabled) return;
    const next = places.find((one) => one.isConnected && canHold(one));
    (next ?? document.querySelector('main h1'))?.focus({ preventScroll: last.isConnected });
  };
  document.addEventListener('focusin', take);
  // Who clicks beside everything means to leave.
  document.addEventListener('pointerdown', ({ target }) => {
    if (!places[0]?.contains(target)) places = [];
  });
  const changes = { childList: true, subtree: true, attributeFilter: ['disabled'] };
  new MutationObserver(give).observe(document.body, changes);
}

function canHold(element) {
  return element.matches('[tabindex], a[href], button, input, select, textarea, summary');
}
