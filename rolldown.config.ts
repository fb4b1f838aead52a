import { globSync } from 'node:fs'
import { defineConfig } from 'rolldown'

/**
 * Builds `dist/`: our code and the packages that every start needs in a few files, because looking for 1,700 modules and
 * reading them one by one took longer than all the rest of a start. The layout stays as `@fastify/autoload` looks for it.
 */

/** The executable, and what `@fastify/autoload` finds in its folders. */
const entries = ['server.ts', ...globSync(['plugins/*.ts', 'routes/*.ts', 'routes/*/{index,autohooks}.ts'])]

export default defineConfig({
  input: Object.fromEntries(entries.map((entry) => [entry.replace(/\.ts$/, ''), entry])),
  platform: 'node',
  // sharp is native code, and few configurations need the others.
  external: ['sharp', '@azure/identity', 'bullmq', 'ioredis', 'jose', 'pg', 'pino-pretty'],
  output: {
    dir: 'dist',
    cleanDir: true,
    // Not minified, so that a stack trace names functions and lines that can be read.
    entryFileNames: '[name].js',
    chunkFileNames: 'shared/[name].js',
    // What two entries share is in one file. What is imported late, by one of them, stays out of it.
    codeSplitting: { groups: [{ name: 'common', minShareCount: 2 }] },
  },
})
