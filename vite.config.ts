import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const server = 'http://127.0.0.1:3000'

// Whoever starts the build may be under test; what is built is served to people all the same.
// biome-ignore lint/style/noProcessEnv: this is where Vite takes it from
if (process.argv.includes('build')) process.env.NODE_ENV = 'production'

export default defineConfig({
  root: 'web',
  plugins: [react()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2023',
    // `light-dark()` must reach the browser as it is: rewritten, it would not follow Mantine's switch of the colour scheme.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    chunkSizeWarningLimit: 600,
  },
  server: {
    port: 5173,
    proxy: Object.fromEntries(['/api', '/v1', '/docs', '/openapi.json', '/.well-known'].map((path) => [path, server])),
  },
})
