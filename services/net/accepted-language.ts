/**
 * Whether a browser prefers Chinese to English, by the order and weights of the languages that it accepts.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4
 */
export function prefersChinese(accepted: string | undefined): boolean {
  const ranges = (accepted ?? '').split(',').map((range, at) => {
    const [tag = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    const weight = Number(parameters.find((one) => one.startsWith('q='))?.slice(2) ?? 1) || 0
    return { language: tag.split('-')[0], weight, at }
  })
  const [preferred] = ranges
    .filter(({ language, weight }) => weight > 0 && (language === 'zh' || language === 'en'))
    .sort((a, b) => b.weight - a.weight || a.at - b.at)
  return preferred?.language === 'zh'
}
