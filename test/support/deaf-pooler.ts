import { createConnection, createServer, type Socket } from 'node:net';

/** NotificationResponse, chapter «Message Formats» of PostgreSQL's manual. */
const NOTIFICATION = 'A'.charCodeAt(0);

export interface DeafPooler {
  /** Of the same database. */
  url: string;
  /** How many notifications did not come through. */
  withheld: number;
  close(): void;
}

/**
 * Stands before a PostgreSQL, without TLS, as a pooler in transaction mode does: everything comes through but what
 * `NOTIFY` tells those who `LISTEN`.
 */
export async function startDeafPooler(url: string): Promise<DeafPooler> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const database = createConnection(Number(port), hostname);
    for (const [socket, other] of [
      [client, database],
      [database, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy()).on('close', () => other.destroy());
    }
    client.pipe(database);
    let rest = Buffer.alloc(0);
    database.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      // Each message: a letter, then its length without the letter.
      while (rest.length >= 5 && rest.length > rest.readUInt32BE(1)) {
        const end = 1 + rest.readUInt32BE(1);
        if (rest[0] === NOTIFICATION) pooler.withheld += 1;
        else client.write(rest.subarray(0, end));
        rest = rest.subarray(end);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const pooler: DeafPooler = {
    url: Object.assign(new URL(url), { hostname: '127.0.0.1', port: address.port }).href,
    withheld: 0,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
  return pooler;
}
