/**
 * URL or path of this file, from which other packages are resolved. `import.meta.url`
 * is undefined if a bundler converted the ES modules to CommonJS.
 */
export const THIS_FILE: string = import.meta.url ?? __filename;
