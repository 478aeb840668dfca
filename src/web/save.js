/** Gives bytes to the person as a file. */
export function save(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser has taken its own hold by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
