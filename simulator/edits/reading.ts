import { colourIn, type FoundSubject, quotedIn, subjectsIn, withoutQuotes } from '../scenes/vocabulary.ts'
import { type FilterName, filtersIn, isEffect } from './filters.ts'

/** Reads the prompt of an edit, clause by clause: what a word means depends on the verb that it belongs to. */

export type Action =
  /** `thing`: what was to be changed, if not the whole image. */
  | { kind: 'filter'; name: FilterName; thing?: string }
  | { kind: 'rotate'; degrees: number }
  | { kind: 'tint'; colour: string; thing?: string }
  /** Something that must stay as it is. */
  | { kind: 'keep'; clause: string }
  | { kind: 'add'; found: readonly FoundSubject[]; clause: string }
  | { kind: 'remove'; clause: string }
  /** `scene`: the prompt of the new background; undefined makes it white. */
  | { kind: 'background'; scene: string | undefined }
  | { kind: 'blurBackground' }
  | { kind: 'text'; text: string }
  /** Something to add that has no drawing. */
  | { kind: 'unknown'; clause: string }

const separators =
  /[.;!?。；！？，、\n]+|,|\b(?:and then|then|and also|and|but)\b|(?=\b(?:without|while keeping)\b)|然后|并且|并(?!排)|接着|同时|再(?=把|将|加|给|添)/i
const keepWords =
  /\b(?:keep(?:ing)?|preserv\w+|leave|maintain\w*|don'?t|do not|without|avoid|never)\b|保持|保留|不要|别(?!墅)|不改|无需|不变/i
const removeWords =
  /\b(?:remove|delete|erase|get rid of|take (?:out|away|off)|eliminate|clean up)\b|去掉|去除|移除|删除|删掉|擦除|擦掉|消除|抹去|抹掉|清除|拿掉/i
const addWords =
  /\bfill\b.*\bwith\b|\b(?:add|insert|put|place|include|draw|give|wear(?:ing)?|hold(?:ing)?)\b|^\s*with\b|添加|添上|增加|加上|加入|加(?!深|亮|强|粗)|放上|放一|放(?=[一二两三个])|画上|画一|戴|拿着|给.*(?:穿|配)/i
const textWords =
  /\b(?:text|words?|caption|title|letters?|slogan|write|writing|inscription)\b|文字|写上|写着|写(?=["“「『\s])|标题|字幕|标语/i
const backgroundWords = /\b(?:background|backdrop)\b|背景/i
const whole =
  /^(?:it|this|that|them|everything|all|image|picture|photo|photograph|whole|entire|scene|colou?rs?|tones?|look|它|这|这张|整张|整个|图|图片|图像|照片|画面|全部|颜色|色调|整体)+$/i
const transforms =
  /\b(?:make|turn|change|paint|colou?r|recolou?r|dye|tint|convert|transform|replace|swap)\b|变|改|换|涂|染|调/i
const into = /\b(?:into|to|with|for|by|look like|as)\b|变成|变为|改成|改为|换成|换为|替换成|替换为|成/i

/** Between the items of one clause. */
const listed = ' & '

const degreesOf = (clause: string): number => {
  const degrees = Number(/(-?\d{1,3})\s*(?:°|deg|度)/i.exec(clause)?.[1] ?? (/upside|倒/i.test(clause) ? 180 : 90))
  return /counter|anti-?clock|\bleft\b|逆时针|向左/i.test(clause) ? -degrees : degrees
}
const rotateWords =
  /\brotat\w*|upside[ -]?down|\bturn\b.*(?:\d ?(?:°|deg)|\b(?:left|right|clockwise|around|sideways)\b)|旋转|倒过来|倒置|顺时针|逆时针|转\s*\d+\s*度/i

/** The part of a clause that names what to add: `put a hat on the cat` adds no cat, nor does `给猫戴一顶帽子`. */
function objectOf(clause: string): string {
  const verb = addWords.exec(clause)
  const rest = verb === null ? clause : clause.slice(verb.index + verb[0].length)
  const given = /\bgive\b/i.test(verb?.[0] ?? '') ? rest.replace(/^.*?\b(?=(?:an?|some|two|three) )/i, '') : rest
  return (
    given.split(/\b(?:on|onto|in|into|to|at|over|above|behind|next to|near|beside|under|from|of)\b|在|到(?!处)/i)[0] ??
    given
  )
}

/** The things of a list that have no drawing: `a hat and sunglasses`. */
const undrawnIn = (clause: string): Action[] =>
  objectOf(clause)
    .split(listed)
    .map((item) => item.trim())
    .filter((item) => item !== '' && subjectsIn(item).length === 0)
    .map((item) => ({ kind: 'unknown', clause: item }))

/** `two birds` are two; at most three objects, since more would not be told apart. */
function counted(found: readonly FoundSubject[], clause: string): FoundSubject[] {
  const count = /\b(?:three|several|many|some)\b|三|几|一些|许多/i.test(clause)
    ? 3
    : /\b(?:two|pair)\b|两|一对/i.test(clause)
      ? 2
      : 1
  const all = found.length === 1 ? Array.from({ length: count }, () => found[0]) : found
  return all.filter((one) => one !== undefined).slice(0, 3)
}

/** What a clause recolours, unless that is the whole image. */
function recoloured(clause: string): { thing?: string } {
  const english =
    /\b(?:make|turn|change|paint|colou?r|recolou?r|dye|tint|replace)\b\s+(?:the colou?rs? of )?(?:(?:the|this|that|her|his|my|a|an|whole|entire)\s+)*(\w+)/i
  const thing =
    english.exec(clause)?.[1] ?? /[把将让使](.+?)(?:的颜色)?(?:变|改|换|涂|染|调|更|的)/.exec(clause)?.[1]?.trim()
  return thing === undefined || whole.test(thing) || colourIn(thing) !== undefined ? {} : { thing }
}

const parts =
  /\b(?:face|sky|eyes?|hair|hands?|skin|water|ground|floor|wall|road|license plate|logo|lips|teeth)\b|脸|天空|眼睛|头发|手|皮肤|水面|地面|墙|车牌|标志/i

/** The part that an effect such as blur is meant for. Effects of style are meant for the whole image. */
function effectOn(name: FilterName, clause: string): { thing?: string } {
  if (!['blur', 'sharpen', 'pixelate', 'brighten', 'darken', 'vivid'].includes(name)) return {}
  const thing = parts.exec(clause)?.[0] ?? subjectsIn(clause)[0]?.name
  return thing === undefined ? {} : { thing }
}

const toneWords: readonly (readonly [RegExp, string])[] = [
  [/\bwarm(?:er|th)?\b|暖/i, '#f0903c'],
  [/\b(?:cool(?:er)?|cold(?:er)?)\b|冷色|冷调|偏冷|更冷/i, '#4080f0'],
  [/\b(?:sunset|sunrise|dusk|dawn|golden hour|autumn)\b|日落|日出|夕阳|黄昏|秋天/i, '#f0783c'],
]

function tintsIn(clause: string): Action[] {
  const tone = toneWords.find(([words]) => words.test(clause))?.[1]
  if (tone !== undefined) return [{ kind: 'tint', colour: tone }]
  const colour = colourIn(clause.replace(/black[ -]*(?:and|&)?[ -]*white|黑白/gi, ' '))
  const isBare = subjectsIn(clause).length === 0 && clause.trim().split(/\s+/).length <= 3
  if (colour === undefined || !(transforms.test(clause) || isBare)) return []
  return [{ kind: 'tint', colour, ...recoloured(clause) }]
}

function backgroundIn(clause: string): Action {
  if (/blur|模糊|虚化|out of focus/i.test(clause)) return { kind: 'blurBackground' }
  const named =
    clause
      .split(into)
      .at(-1)
      ?.replace(/\b(?:the|a|an)\b|背景|background/gi, '')
      .trim() ?? ''
  const isPlain = removeWords.test(clause) || /\b(?:white|plain|transparent)\b|白|透明|纯色/i.test(clause)
  return { kind: 'background', scene: isPlain || named === '' ? undefined : named }
}

/** `turn the cat into a dog`: the last of two subjects replaces the first. */
function replacementIn(clause: string): Action[] {
  const named = subjectsIn(clause.split(into).at(-1) ?? '')
  if (
    !transforms.test(clause) ||
    !into.test(clause) ||
    named.length === 0 ||
    colourIn(clause.split(into).at(-1) ?? '') !== undefined
  )
    return []
  return [
    { kind: 'remove', clause },
    { kind: 'add', found: named.slice(0, 1), clause },
  ]
}

/** The actions of one clause; none if it has no known word. */
function actionsOf(clause: string, prompt: string): Action[] {
  if (keepWords.test(clause)) return [{ kind: 'keep', clause }]
  const isRemoval = removeWords.test(clause)
  if (backgroundWords.test(clause)) return [backgroundIn(clause)]
  if (isRemoval) {
    const takesColour = /\b(?:all )?colou?rs?$|颜色$/i.test(clause.trim())
    return [takesColour ? { kind: 'filter', name: 'blackAndWhite' } : { kind: 'remove', clause }]
  }
  if (textWords.test(clause)) return [{ kind: 'text', text: quotedIn(prompt) ?? clause.trim() }]
  const added = addWords.test(clause) ? subjectsIn(objectOf(clause)) : []
  if (added.length > 0) return [{ kind: 'add', found: counted(added, clause), clause }, ...undrawnIn(clause)]
  if (rotateWords.test(clause)) return [{ kind: 'rotate', degrees: degreesOf(clause) }]
  const filters = filtersIn(clause).map((name): Action => ({ kind: 'filter', name, ...effectOn(name, clause) }))
  const isPlainAdding = /\b(?:add|insert|put|place|include)\b|添加|添上|增加|加上|加入|加(?=[一个些])|放上/i.test(
    clause,
  )
  if (isPlainAdding && !isEffect(clause)) return [{ kind: 'unknown', clause: clause.trim() }]
  const replaced = filters.length > 0 ? [] : replacementIn(clause)
  return replaced.length > 0 ? replaced : [...tintsIn(clause), ...filters]
}

/** Clauses; one without a known word belongs to the one before it: `add a boat and a house`. */
function clausesOf(prompt: string): string[] {
  const parts = withoutQuotes(prompt)
    .replace(/black\s*(?:and|&)\s*white/gi, 'black-white')
    .split(separators)
    .filter((part) => part.trim() !== '')
  const clauses: string[] = []
  for (const part of parts) {
    const isOwn = clauses.length === 0 || actionsOf(part, prompt).length > 0
    if (isOwn) clauses.push(part)
    else clauses.push(`${clauses.pop()}${listed}${part}`)
  }
  return clauses
}

/** What a prompt asks for, in its order; black and white comes after colours, which would come back otherwise. */
export function readEdit(prompt: string): Action[] {
  const actions = clausesOf(prompt).flatMap((clause) => actionsOf(clause, prompt))
  const isGrey = (action: Action) => action.kind === 'filter' && action.name === 'blackAndWhite'
  const lastTint = actions.findLastIndex(({ kind }) => kind === 'tint')
  const early = actions.slice(0, lastTint + 1)
  return [...early.filter((action) => !isGrey(action)), ...early.filter(isGrey), ...actions.slice(lastTint + 1)]
}
