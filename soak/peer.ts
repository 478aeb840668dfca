/** `sotto up` that tells, when asked, what it holds. */
import './holding.ts';
import { main } from '../src/cli/index.ts';

process.exitCode = await main(['up', ...process.argv.slice(2)]);
