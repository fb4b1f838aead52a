#!/usr/bin/env node
import { existsSync } from 'node:fs'
// Not by name, because a Node that has no such export would fail before it is rejected.
import module from 'node:module'
import { fileURLToPath } from 'node:url'
import './require-node.js'

// A clone runs its sources; the published package holds only what was built from them.
const source = new URL('../server.ts', import.meta.url)
if (existsSync(source)) {
  // Stripping types and compiling 1,700 modules takes a third of the start. The default folder is in the system's
  // temporary folder, where another user could place code.
  module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/compile', import.meta.url)))
  await import(source.href)
} else await import(new URL('../dist/server.js', import.meta.url).href)
