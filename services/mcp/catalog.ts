import { Compile } from 'typebox/compile'
import type { CompiledTool, Tool } from '../calls/types.ts'
import type { Complete, Prompt } from '../prompts/types.ts'
import type { App, ResourceSource } from '../resources/types.ts'
import type { Tasks } from './tasks.ts'

/** Everything a server offers. What is absent has no methods and no capability. */
export interface Catalog {
  /** In the order in which they are listed. */
  tools: readonly Tool[]
  resources?: ResourceSource
  prompts?: readonly Prompt[]
  /** Pages of MCP Apps, which are read like resources but not listed. */
  apps?: readonly App[]
  complete?: Complete
  /** Calls that go on without their clients. */
  tasks?: Tasks | undefined
}

/** A catalog with its tools by name and their schemas compiled. */
export interface CompiledCatalog extends Omit<Catalog, 'tools'> {
  tools: ReadonlyMap<string, CompiledTool>
  /** The list that was compiled. */
  source: readonly Tool[]
}

export function compileCatalog({ tools, ...rest }: Catalog): CompiledCatalog {
  const compiled = tools.map((tool) => [tool.name, { tool, validator: Compile(tool.inputSchema) }] as const)
  return { ...rest, tools: new Map(compiled), source: tools }
}
