/**
 * Place of this package, as a URL or a path: packages are loaded from there. A
 * bundler that makes CommonJS of ES modules leaves `import.meta` empty.
 */
export const THIS_FILE: string = import.meta.url ?? __filename;
