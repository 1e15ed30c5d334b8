#!/usr/bin/env node
import { existsSync } from 'node:fs';

const main = new URL('../dist/cli/main.js', import.meta.url);
if (!existsSync(main)) {
  process.stderr.write(
    'Charla is not built here yet. Run `npm run build` first, or `npm run charla -- …`.\n',
  );
  process.exit(1);
}
await import(main.href);
