import { prefersChinese } from '../../services/net/accepted-language.ts'

/** The sentences of the page. */
export interface PageTexts {
  /** `lang` of the page. */
  lang: string
  /** Link to the page in the other language. */
  otherLanguage: string
  intro: string
  studio: string
  openStudio: string
  studioBlocked: string
  status: string
  ready: string
  degraded: string
  notReady: string
  faults: string
  parts: string
  statusNote: string
  connect: string
  address: string
  key: string
  oauth: string
  install: string
  dialogs: string
  selects: string
  call: string
  list: string
  generate: string
  openai: string
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
  studio:
    'People generate and edit images in the studio, in this browser: paint what is to change, compare versions, see what each image costs.',
  openStudio: 'Open the studio',
  studioBlocked: 'Under this address the studio cannot call the service, until its operator sets',
  status: 'Status',
  ready: 'Ready',
  degraded: 'Degraded: the last call to every deployment failed',
  notReady: 'Not ready',
  faults: 'What its operator has to repair, explained in <code>docs/faults.md</code>:',
  parts: 'The state of each part',
  statusNote: 'As of this page load; <a href="/ready">/ready</a> has the same as JSON.',
  connect: 'Connect a client',
  address: 'The address of the MCP server, transport HTTP (“streamable HTTP”):',
  key: 'This service needs an API key. Ask its operator for one and put it into the environment variable <code>IMAGE_EDITOR_KEY</code> of the client; clients that ask for it store it themselves.',
  oauth:
    'Clients that support OAuth sign in by themselves; others send an access token as <code>Authorization: Bearer</code>.',
  install: 'Add with a click:',
  dialogs: 'Set up in a dialog:',
  selects: 'A click into a block selects all of it.',
  call: 'Call it with curl',
  list: 'List the tools and their arguments:',
  generate: 'Generate an image. It is saved in the server’s images folder; the command prints where:',
  openai:
    'The same models through OpenAI’s image API, for apps and SDKs that speak it: <code>POST /v1/images/generations</code> and <code>/v1/images/edits</code>, described in <a href="/openapi.json">/openapi.json</a>. The base URL:',
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
  studio: '也可以直接在浏览器的图像工作室中生成和编辑图片：涂抹要修改的区域、对比不同版本、查看每张图片的费用。',
  openStudio: '打开图像工作室',
  studioBlocked: '在当前地址下，图像工作室无法调用本服务，需要运维人员设置',
  status: '状态',
  ready: '就绪',
  degraded: '降级：对每个部署的最近一次调用都失败了',
  notReady: '未就绪',
  faults: '需要运维人员修复的问题，说明见 <code>docs/faults.zh-CN.md</code>：',
  parts: '各部分的状态',
  statusNote: '打开本页时的状态；<a href="/ready">/ready</a> 以 JSON 返回同样的内容。',
  connect: '连接客户端',
  address: 'MCP 服务器地址，传输方式为 HTTP（“streamable HTTP”）：',
  key: '本服务需要 API 密钥。请向运维人员索取，并写入客户端的环境变量 <code>IMAGE_EDITOR_KEY</code>；会自行询问密钥的客户端则自行保存。',
  oauth: '支持 OAuth 的客户端会自行登录；其他程序以 <code>Authorization: Bearer</code> 发送访问令牌。',
  install: '一键添加：',
  dialogs: '在对话框中设置：',
  selects: '单击代码块即可全选。',
  call: '用 curl 调用',
  list: '列出工具及其参数：',
  generate: '生成一张图片。图片保存在服务器的图片目录中，命令会显示保存位置：',
  openai:
    '同样的模型也可以通过 OpenAI 图片 API 使用，适合支持它的应用和 SDK：<code>POST /v1/images/generations</code> 和 <code>/v1/images/edits</code>，说明见 <a href="/openapi.json">/openapi.json</a>。基础地址：',
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
