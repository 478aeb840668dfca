/** Files that a person sends: by a button, by drag and drop, or pasted. */
import { useRef, useState } from 'preact/hooks';
import { useAction } from './action.js';
import { query, upload } from './api.js';
import { notify } from './store.js';

/** Sends files one after the other; those that are given meanwhile come after them. */
export function useFiles(name, onSent) {
  const [progress, setProgress] = useState();
  const waiting = useRef([]);
  const end = useRef();
  const { error, run } = useAction(async () => {
    end.current = new AbortController();
    const { signal } = end.current;
    try {
      await whileLeavingAsks(async () => {
        for (let file = waiting.current.shift(); file; file = waiting.current.shift()) {
          const tell = (done) => setProgress({ name: file.name, done, count: file.size });
          tell(0);
          await upload(query('/send_msg', { to: name, name: file.name }), file, tell, signal);
          await onSent();
        }
      });
    } catch (cause) {
      waiting.current = [];
      if (!signal.aborted) throw cause;
    } finally {
      setProgress(undefined);
    }
  });
  const give = async (files) => {
    waiting.current.push(...files);
    if (waiting.current.length > 0) await run();
  };
  return { progress, error, give, cancel: () => end.current?.abort() };
}

/** A file is not safe with the peer before it is there whole: the browser asks who goes earlier. */
async function whileLeavingAsks(work) {
  const ask = (event) => event.preventDefault();
  addEventListener('beforeunload', ask);
  try {
    await work();
  } finally {
    removeEventListener('beforeunload', ask);
  }
}

const holdsFiles = ({ dataTransfer }) => dataTransfer?.types.includes('Files');

/** A folder is no file: what the browser gives for one cannot be read. */
function filesOf({ items }) {
  const isFile = (item) => item.kind === 'file' && !item.webkitGetAsEntry?.()?.isDirectory;
  const dropped = [...items];
  if (dropped.some((item) => item.kind === 'file' && !isFile(item))) {
    notify('A folder cannot be sent as it is. Pack it into one file first.');
  }
  return dropped.filter(isFile).map((item) => item.getAsFile());
}

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
        void give(filesOf(event.dataTransfer));
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
