/** Opened with the first input, for all of them. */
export function kept<T>(open: () => Promise<T>, close: (opened: T) => unknown) {
  let opened: Promise<T> | undefined;
  return {
    get: () => (opened ??= open()),
    async close() {
      if (opened !== undefined) await close(await opened);
      opened = undefined;
    },
  };
}
