/** The words of design §5: what names and user-facing sentences may not contain, and what to write instead. */

/** Words in the names of files and exports. */
const bannedInNames: Readonly<Record<string, string>> = {
  answer: 'response or result',
  picture: 'image',
  refuse: 'reject',
  refusal: 'rejection',
  held: 'buffered or stored',
  kept: 'buffered or stored',
  leaves: 'disconnects',
  left: 'disconnected or abandoned',
  gone: 'disconnected or removed',
  whoever: 'clients that',
  nobody: 'no one',
  said: 'logged or reported',
  told: 'reported or returned',
  remember: 'memoize or cache',
  room: 'reservation or capacity',
  wish: 'requested',
  card: 'info or capabilities',
  piece: 'chunk',
  gate: 'limiter, guard or admission',
  foreign: 'untrusted or third-party',
  ending: 'extension',
  mend: 'fix',
  made: 'generated',
  draws: 'generates',
}

/** Words in user-facing sentences. As a verb, "answer" is plain English. */
const bannedInSentences: readonly (readonly [RegExp, string])[] = [
  [/\b(?:the|an|its|this|that|every|each|your|their|our|one|whole) (?:[a-z]+ )?answer\b/i, 'response or result'],
  [/\b(?:the|its|these|all|no|of|with|without|for|in) answers?\b/i, 'response or result'],
  [/\banswers? (?:of|from|without|that)\b/i, 'response or result'],
  [/\bpictures?\b/i, 'image'],
  [/\brefus(?:e|es|ed|ing|al|als)\b/i, 'reject'],
  [/\bg(?:ive|ives|iven|ave|iving) (?:it |them )?back\b/i, 'release or refund'],
  [/\bwhoever\b/i, 'clients that'],
  [/\bnobody\b/i, 'no one'],
  [/\bunless told\b/i, 'by default'],
  [/\bforeign\b/i, 'untrusted or third-party'],
  [/\bmend(?:s|ed|ing)?\b/i, 'fix'],
  [/\bheld\b/i, 'buffered or stored'],
]

/** The words of a file name or identifier, in lower case: `heldBytes` has `held` and `bytes`. */
const wordsOf = (name: string): string[] =>
  name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)

/** What is wrong with a name of a file or an export, if anything. */
export function nameFault(name: string): string | undefined {
  for (const word of wordsOf(name)) {
    const better = bannedInNames[word] ?? bannedInNames[word.replace(/s$/, '')]
    if (better !== undefined) return `${name}: not "${word}" but ${better}`
  }
  return /give-?back/i.test(name) ? `${name}: not "give back" but release or refund` : undefined
}

/** What is wrong with a user-facing sentence, if anything. */
export function sentenceFault(sentence: string): string | undefined {
  for (const [pattern, better] of bannedInSentences) {
    const found = pattern.exec(sentence)?.[0]
    if (found !== undefined) return `"${sentence.trim().slice(0, 120)}": not "${found}" but ${better}`
  }
  return undefined
}

/** String literals of several words in a source text: what a program says. */
export function sentencesIn(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')
  const literals = code.matchAll(/'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g)
  return [...literals]
    .map(([, single, double, template]) => single ?? double ?? template ?? '')
    .filter((text) => /\w \w/.test(text))
}

/** The prose of a Markdown document: no code, no link targets, no HTML, and not the glossary of these words. */
export function proseOf(markdown: string): string[] {
  return markdown
    .replace(/^```[\s\S]*?^```/gm, '')
    .replace(/^\| (?:not|Not) \| .*\n(?:\|.*\n)*/m, '')
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(/`[^`\n]*`/g, '`…`')
    .replace(/\]\([^)]*\)/g, ']')
    .split(/\n{2,}|\n(?=[|#-])/)
}
