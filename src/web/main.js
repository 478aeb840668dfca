/** Where the page starts. */
import { h, render } from 'preact';
import { App } from './app.js';
import { startLive } from './live.js';

startLive();
render(h(App), document.getElementById('page'));
