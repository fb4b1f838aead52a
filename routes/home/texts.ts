import { prefersChinese } from '../../services/net/accepted-language.ts'

/** The sentences of the page. */
export interface PageTexts {
  /** `lang` of the page. */
  lang: string
  /** Link to the page in the other language. */
  otherLanguage: string
  intro: string
  status: string
  ready: string
  notReady: string
  statusNote: string
  connect: string
  address: string
  key: string
  oauth: string
  dialogs: string
  selects: string
  call: string
  list: string
  generate: string
  windows: string
  operate: string
  documentation: string
}

/** Values are trusted HTML; `${variable}` and `code` are written as they are shown. */
const en: PageTexts = {
  lang: 'en',
  otherLanguage: '<a href="/?lang=zh" lang="zh" hreflang="zh">中文</a>',
  intro:
    'Generates and edits images with the image models of Azure AI Foundry, for clients of the <a href="https://modelcontextprotocol.io">Model Context Protocol</a> and for anything that sends JSON-RPC 2.0.',
  status: 'Status',
  ready: 'Ready',
  notReady: 'Not ready',
  statusNote: 'As of this page load; <a href="/ready">/ready</a> has the same as JSON.',
  connect: 'Connect a client',
  address: 'The address of the MCP server, transport HTTP (“streamable HTTP”):',
  key: 'This service needs an API key. Ask its operator for one and put it into the environment variable <code>IMAGE_EDITOR_KEY</code> of the client; clients that ask for it store it themselves.',
  oauth:
    'Clients that support OAuth sign in by themselves; others send an access token as <code>Authorization: Bearer</code>.',
  dialogs: 'Set up in a dialog:',
  selects: 'A click into a block selects all of it.',
  call: 'Call it with curl',
  list: 'List the tools and their arguments:',
  generate: 'Generate an image. It is saved in the server’s images folder; the command prints where:',
  windows: 'These commands are for bash and zsh, and need <code>jq</code>.',
  operate: 'Operate it',
  documentation:
    'The documentation is part of the source tree: <code>README.md</code>, <code>docs/clients.md</code> (time-outs and limits of each client), <code>docs/deployment.md</code>, <code>docs/security.md</code>.',
}

const zh: PageTexts = {
  lang: 'zh-CN',
  otherLanguage: '<a href="/?lang=en" lang="en" hreflang="en">English</a>',
  intro:
    '使用 Azure AI Foundry 的图像模型生成和编辑图片，供 <a href="https://modelcontextprotocol.io">Model Context Protocol</a> 客户端以及任何发送 JSON-RPC 2.0 的程序调用。',
  status: '状态',
  ready: '就绪',
  notReady: '未就绪',
  statusNote: '打开本页时的状态；<a href="/ready">/ready</a> 以 JSON 返回同样的内容。',
  connect: '连接客户端',
  address: 'MCP 服务器地址，传输方式为 HTTP（“streamable HTTP”）：',
  key: '本服务需要 API 密钥。请向运维人员索取，并写入客户端的环境变量 <code>IMAGE_EDITOR_KEY</code>；会自行询问密钥的客户端则自行保存。',
  oauth: '支持 OAuth 的客户端会自行登录；其他程序以 <code>Authorization: Bearer</code> 发送访问令牌。',
  dialogs: '在对话框中设置：',
  selects: '单击代码块即可全选。',
  call: '用 curl 调用',
  list: '列出工具及其参数：',
  generate: '生成一张图片。图片保存在服务器的图片目录中，命令会显示保存位置：',
  windows: '以上命令适用于 bash 和 zsh，需要 <code>jq</code>。',
  operate: '运维',
  documentation:
    '文档在源代码中：<code>README.zh-CN.md</code>、<code>docs/clients.zh-CN.md</code>（各客户端的超时与限制）、<code>docs/deployment.zh-CN.md</code>、<code>docs/security.zh-CN.md</code>。',
}

/**
 * The language that a browser prefers; English unless Chinese is preferred.
 * @param asked `lang` of the query, which wins
 */
export function textsFor(accepted: string | undefined, asked: unknown): PageTexts {
  if (asked === 'zh' || asked === 'en') return asked === 'zh' ? zh : en
  return prefersChinese(accepted) ? zh : en
}
