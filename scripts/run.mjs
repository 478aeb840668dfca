/** `node scripts/run.mjs NAME.ts ARGUMENTS`: runs `main` of a script on a Node that is new enough. */
import { launch } from './launch.mjs';

await launch(new URL(process.argv[2], import.meta.url), async ({ main }) => {
  process.exitCode = await main(process.argv.slice(3));
});
