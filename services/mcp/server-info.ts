import { imageIcon } from '../tools/icons.ts'
import type { ServerInfo } from './types.ts'

export const serverInfoOf = (version: string): ServerInfo => ({
  name: 'azure-image-editor-mcp',
  title: 'Azure Image Editor',
  version,
  icons: imageIcon,
})
