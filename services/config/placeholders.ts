/** What documentation has in the place of a value: `your-api-key`, `https://your-resource…`, `<key>`, `a-long-random-key`. */
const placeholders: readonly RegExp[] = [
  /(?:^|[^a-z0-9])your[-_ ](?:own|azure|openai|foundry|endpoint|resource|api|key|deployment|tenant|application|app|client|token|secret|project|account|model|region|host|domain|password|issuer|audience|server|name|service|value)/i,
  /^<[^<>]+>$|[/@:]<[^<>/]+>(?:[.:/]|$)/,
  /(?:^|[:,\s])a-long-random-(?:key|token)(?:$|[,\s])/,
  /^(?:change-?me|replace-?me|x{3,}|\.{3}|…)$/i,
]

/** An unexpanded `$NAME`: `docker --env-file` and secret files expand nothing. */
const reference = /^\$(?:[A-Z][A-Z0-9]*_[A-Z0-9_]+|\{\w+(?::?[-?+].*)?\}|\{\{.*\}\})$/

/** What is wrong with a value that was never filled in; continues the name of its variable. */
export function placeholderProblem(value: string): string | undefined {
  if (placeholders.some((placeholder) => placeholder.test(value)))
    return 'is still the placeholder of an example; set your own value'
  return reference.test(value)
    ? 'is the name of another variable, which is not replaced here; set the value itself'
    : undefined
}
