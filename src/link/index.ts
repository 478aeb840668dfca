export * from './http-link.ts';
