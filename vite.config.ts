import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/**
 * The page. The server sends a strict Content-Security-Policy, so nothing may be inlined: no `data:` assets in CSS, and
 * module preloads without the inline helper. In development (`npx vite`) the API is the one on PORT.
 */
export default defineConfig({
  root: 'src/web',
  plugins: [react()],
  build: {
    outDir: '../../dist/web',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        codeSplitting: { groups: [{ name: 'livekit', test: /livekit|rxjs|protobuf/ }] },
      },
    },
    chunkSizeWarningLimit: 700,
  },
  server: {
    host: '127.0.0.1',
    proxy: Object.fromEntries(
      ['/settings', '/session', '/get-user-data'].map((path) => [
        path,
        // With the Host of the page, and not its own: in open development the API answers pages of its own origin only.
        { target: `http://127.0.0.1:${process.env.PORT ?? 8000}`, changeOrigin: false },
      ]),
    ),
  },
});
