/** Files that a person sends: by a button, by drag and drop, or pasted. */
import { useState } from 'preact/hooks';
import { useAction } from './action.js';
import { query, upload } from './api.js';

/** Sends files one after the other. */
export function useFiles(name, onSent) {
  const [progress, setProgress] = useState();
  const { error, run } = useAction(async (files) => {
    for (const file of files) {
      setProgress({ name: file.name, done: 0, count: file.size });
      const path = query('/send_msg', { to: name, name: file.name });
      await upload(path, file, (done, count) => setProgress({ name: file.name, done, count }));
      await onSent();
    }
  });
  const give = async (files) => {
    if (files.length > 0) await run([...files]);
    setProgress(undefined);
  };
  return { progress, error, give };
}

const holdsFiles = ({ dataTransfer }) => dataTransfer?.types.includes('Files');

/** What an element needs so that files can be dropped on it. */
export function useDrop(give) {
  const [isOver, setOver] = useState(false);
  return {
    isOver,
    drop: {
      onDragOver: (event) => {
        if (!holdsFiles(event)) return;
        event.preventDefault();
        setOver(true);
      },
      // Between two parts of the element nothing has left it.
      onDragLeave: ({ currentTarget, relatedTarget }) => {
        if (!currentTarget.contains(relatedTarget)) setOver(false);
      },
      onDrop: (event) => {
        event.preventDefault();
        setOver(false);
        void give(event.dataTransfer.files);
      },
    },
  };
}

/** A file that is dropped beside its place would replace the page in this window. */
export function stopStrayDrops() {
  for (const name of ['dragover', 'drop']) {
    addEventListener(name, (event) => {
      if (event.defaultPrevented || !holdsFiles(event)) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = 'none';
    });
  }
}
