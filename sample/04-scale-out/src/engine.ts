/** Where events wait: the URL of a Redis or of a PostgreSQL. */
export const ENGINE_URL = process.env.ENGINE_URL ?? 'redis://localhost:6379';
