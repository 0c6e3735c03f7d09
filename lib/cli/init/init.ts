// A file of its own in the build, since no other command needs the parser of TypeScript.
export { nestAdd } from './nest-add.js';
export { runInit } from './run-init.js';
