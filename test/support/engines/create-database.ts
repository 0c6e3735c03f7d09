import { Client, escapeIdentifier } from 'pg';

/** Makes an empty database on a server, in place of an older one of that name, and returns its URL. */
export async function createDatabase(
  serverUrl: string,
  name: string,
): Promise<string> {
  const client = new Client({ connectionString: serverUrl });
  await client.connect();
  try {
    const quoted = escapeIdentifier(name);
    await client.query(`DROP DATABASE IF EXISTS ${quoted} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${quoted}`);
  } finally {
    await client.end();
  }
  const url = new URL(serverUrl);
  url.pathname = `/${encodeURIComponent(name)}`;
  return url.href;
}
