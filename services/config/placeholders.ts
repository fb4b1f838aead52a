/**
 * What documentation has in the place of a value: `your-api-key`, `https://your-resource…`, `<key>`, `a-long-random-key`. A
 * list of entries (`name:key`) or an address may hold one in any part; folders of a path are no placeholders.
 */
const placeholders: readonly RegExp[] = [
  // Hetzner names its servers `….your-server.de`.
  /(?:^|[^a-z0-9])your[-_ ](?:own|azure|openai|foundry|endpoint|resource|api|key|deployment|tenant|application|app|client|token|secret|project|account|model|region|host|domain|password|issuer|audience|server(?!\.de)|name|service|value|long|random|actual|real|subscription)/i,
  // Without a separator only as a whole, because company names begin with it too.
  /(?:^|\/\/|[\s,@:=])your(?:api|azure|resource)?(?:key|token|secret|resource|endpoint|resourcename)(?=$|[\s,/@:.])/i,
  /[你您]的\S? ?\S{0,8}?(?:密钥|秘钥|资源|部署|密码|口令|令牌|域名|端点|终结点|终端|地址|主机|租户|名称|应用|账户|账号|订阅|实例|服务|key|api)/i,
  /请.{0,4}(?:填|替换|输入|改为|修改)|(?:在此|此处|这里).{0,4}(?:填|输入|粘贴)|替换[为成]|填[入写]/,
  // Brackets around a whole value, entry or part of an address; those of an IPv6 address hold colons.
  /(?:^|[\s,/@:=])(?:<[^<>/]+>|\{[^{}/:]+\}|\[[^[\]/:]+\])(?=$|[\s,/@:.])/,
  /(?:^|\/\/|[\s,@:=])a-long-random-(?:key|token)(?=$|[\s,/@:.])/,
  /(?:^|\/\/|[\s,@:=])(?:change|replace)[-_ ]?(?:me|this|it|with)(?![a-z0-9])/i,
  /(?:^|\/\/|[\s,@:=])(?:insert|enter|put|paste|add|fill)[-_ ](?:in[-_ ])?(?:your|the|api|key|token|secret)(?![a-z0-9])/i,
  /(?:key|token|secret|password|value|name)[-_ ](?:goes[-_ ])?here$/i,
  /(?:^|\/\/|[\s,@:=])(?:[a-z]{2}-)?x{3,}(?:-x+)*(?=$|[\s,/@:.])/i,
  /^(?:[.*…•·]{3,}|…|todo|fixme|tbd|placeholder|undefined|null)$/i,
]

/** An unexpanded `$NAME`, or what other programs have for it: `docker --env-file` and secret files expand nothing. */
const references: readonly RegExp[] = [
  /^\$[A-Z][A-Z0-9]*_[A-Z0-9_]+$/,
  /^%[A-Z][A-Z0-9_]+%$/i,
  /^\$env:\w+$/i,
  /^\$\(.+\)$/s,
  /\$\{\w[^{}]*\}|\{\{[^{}]*\}\}/,
  /\/\/\$[A-Z_]+(?=$|[.:/])/,
  /^@Microsoft\.KeyVault\(/i,
  /^(?:process\.env|os\.environ)\b/,
]

/** What is wrong with a value that was never filled in; continues the name of its variable. */
export function placeholderProblem(value: string): string | undefined {
  // A reference may hold a word of the placeholders.
  if (references.some((reference) => reference.test(value)))
    return 'is the name of another variable, which is not replaced here; set the value itself'
  return placeholders.some((placeholder) => placeholder.test(value))
    ? 'is still the placeholder of an example; set your own value'
    : undefined
}
