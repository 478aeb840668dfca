/** Where the page starts. */
import { h, render } from 'preact';
import { App } from './app.js';
import { stopStrayDrops } from './files.js';
import { keepFocus } from './keep-focus.js';
import { startLive } from './live.js';

startLive();
keepFocus();
stopStrayDrops();
render(h(App), document.getElementById('page'));
