#!/usr/bin/env node
import { existsSync } from 'node:fs'
import './require-node.js'

// A clone runs its sources; the published package holds only what was built from them.
const source = new URL('../server.ts', import.meta.url)
await import(existsSync(source) ? source.href : new URL('../dist/server.js', import.meta.url).href)
