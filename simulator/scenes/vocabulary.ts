import { animals } from './animals.ts'
import { people } from './people.ts'
import type { Setting, Subject } from './subject.ts'
import { things } from './things.ts'

/** What the words of a prompt ask for, in English and Chinese. */

export const subjects: Readonly<Record<string, Subject>> = { ...people, ...animals, ...things }

/** Colours that a prompt can name. */
export const colours: readonly (readonly [name: string, words: RegExp, hex: string])[] = [
  ['red', /\b(?:red|crimson|scarlet)\b|红/i, '#d62828'],
  ['orange', /\borange\b|橙色|橘色/i, '#f08010'],
  ['yellow', /\b(?:yellow|golden|gold)\b|黄(?!昏|河|瓜|山)|金色/i, '#f0c818'],
  ['green', /\bgreen\b|绿/i, '#20a048'],
  ['cyan', /\b(?:cyan|teal|turquoise)\b|青色|蓝绿/i, '#10b0b8'],
  ['blue', /\b(?:blue|navy)\b|蓝/i, '#2050d8'],
  ['purple', /\b(?:purple|violet)\b|紫/i, '#8030d0'],
  ['pink', /\bpink\b|粉色|粉红/i, '#f060a8'],
  ['brown', /\bbrown\b|棕|褐/i, '#7a4a28'],
  ['black', /\bblack\b|黑(?!夜|暗|白)/i, '#26262c'],
  ['white', /\bwhite\b|(?<!黑)白(?!天|云)/i, '#f4f3ee'],
  ['grey', /\b(?:gr[ae]y|silver)\b|灰|银色/i, '#8a8d94'],
]

const settings: readonly (readonly [Setting, RegExp])[] = [
  ['underwater', /\b(?:underwater|coral|reef|aquarium|deep sea)\b|水下|海底|珊瑚|水族/i],
  ['space', /\b(?:space|galax(?:y|ies)|universe|planets?|cosmos|nebula|mars)\b|宇宙|太空|星系|银河|星球|火星/i],
  [
    'city',
    /\b(?:cit(?:y|ies)|cityscape|skyline|skyscrapers?|streets?|downtown|towns?|villages?|urban|metropolis|buildings?|architecture|cyberpunk|towers?|bridges?|tokyo|new york|london|paris|shanghai|beijing|hong kong)\b|城市|都市|小镇|村庄|街|大厦|高楼|摩天|天际线|建筑|夜市|赛博朋克|桥|塔|天安门|上海|北京|东京|纽约|香港|巴黎|伦敦/i,
  ],
  [
    'interior',
    /\b(?:rooms?|living room|desks?|bedroom|kitchen|office|indoors?|interior|restaurant|caf[eé]|library|studio apartment)\b|房间|客厅|书桌|卧室|厨房|办公室|室内|餐厅|咖啡馆|咖啡厅|图书馆|教室/i,
  ],
  ['desert', /\b(?:deserts?|dunes?|sahara|savannah?|canyon)\b|沙漠|沙丘|戈壁|草原(?=.*狮)|峡谷/i],
  [
    'sea',
    /\b(?:seas?|oceans?|beach(?:es)?|coasts?|seaside|harbou?r|island|icebergs?|waves?)\b|海(?!豚|报|底|鲜)|沙滩|海滩|港口|岛/i,
  ],
  [
    'meadow',
    /\b(?:meadows?|fields?|grass(?:land)?|prairie|farm|park|gardens?|hills?|countryside|spring)\b|草地|草原|草坪|田野|农场|公园|花园|乡村|春天|丘陵/i,
  ],
  [
    'lake',
    /\b(?:landscapes?|scenery|mountains?|lakes?|rivers?|valleys?|forests?|woods|jungle|trees?|glacier|sky|sunsets?|sunrises?|dawn|dusk|starry|night|snowy?|winter|autumn|volcano(?:es)?|waterfall|nature)\b|风景|山|湖|河(?!马)|江|森林|树林|丛林|长城|天空|星空|夜(?!市)|日落|日出|夕阳|黄昏|清晨|雪|冬|秋|瀑布|大自然/i,
  ],
]

const logoWords = /\b(?:logos?|icons?|emblems?|monograms?|brand mark|app icon)\b|标志|图标|徽标|徽章|商标|标识/i
const abstractWords =
  /\b(?:abstract|patterns?|geometric|textures?|wallpaper|fractals?|gradients?|mandala|bauhaus)\b|抽象|几何|图案|纹理|花纹|纹样|渐变|壁纸/i
const nightWords = /\b(?:night|midnight|neon|moonlit|cyberpunk|dark)\b|夜|霓虹|月光|赛博朋克/i

export interface FoundSubject {
  name: string
  subject: Subject
  /** The colour that stands beside its name. */
  colour: string | undefined
  /** The words of its part of the prompt. */
  text: string
}

/** The colour nearest before a name (`a red boat`), or right after it (`a boat in red`). */
function colourBeside(text: string, at: number, length: number): string | undefined {
  const before = text
    .slice(Math.max(0, at - 24), at)
    .replace(/^.*(?:[,;.，。；、]|\b(?:and|with|of|in|on)\b|和|与|的.{3,})/is, '')
  const after = /^\W*(?:\w+ )?(?:in|painted|coloured|is)? ?([a-z]+|\p{Script=Han}{1,4}色)/iu.exec(
    text.slice(at + length, at + length + 24),
  )?.[0]
  return (
    colourIn(before) ??
    (after === undefined || !/\bin |painted|coloured| is |色/.test(after) ? undefined : colourIn(after))
  )
}

/** The first colour that a text names. */
export function colourIn(text: string): string | undefined {
  return colours
    .flatMap(([, words, hex]) => {
      const at = text.search(words)
      return at < 0 ? [] : [{ at, hex }]
    })
    .sort((a, b) => a.at - b.at)[0]?.hex
}

/** The subjects that a text names, in its order; one inside another's name (`owl` in `猫头鹰`) counts once. */
export function subjectsIn(text: string): FoundSubject[] {
  const found = Object.entries(subjects).flatMap(([name, subject]) => {
    const match = subject.words.exec(text)
    return match === null ? [] : [{ name, subject, at: match.index, length: match[0].length }]
  })
  return found
    .sort((a, b) => a.at - b.at || b.length - a.length)
    .filter((one, i) => !found.slice(0, i).some((other) => other.at + other.length > one.at))
    .map(({ name, subject, at, length }) => ({
      name,
      subject,
      colour: colourBeside(text, at, length),
      text: text.toLowerCase(),
    }))
}

export interface SceneDescription {
  kind: 'logo' | 'abstract' | 'scene'
  setting: Setting | undefined
  /** At most two. */
  subjects: readonly FoundSubject[]
  isNight: boolean
  /** Any colour that the prompt names. */
  colour: string | undefined
}

/** An apostrophe is no quotation mark: `the cat's hat`. */
const quotation = /["“”「『]([^"“”「」『』]{1,200})["“”」』]|(?<![\p{L}\p{N}])['‘]([^'‘’]{1,200})['’](?![\p{L}\p{N}])/u

/** Quoted text is to be written into the image, not to be drawn. */
export const withoutQuotes = (prompt: string): string => prompt.replace(new RegExp(quotation, 'gu'), ' ')

/** The first text in quotation marks. */
export function quotedIn(prompt: string): string | undefined {
  const match = quotation.exec(prompt)
  return match?.[1] ?? match?.[2]
}

export function describe(prompt: string): SceneDescription {
  const text = withoutQuotes(prompt)
  const named = subjectsIn(text)
  const setting = settings.find(([, words]) => words.test(text))?.[0]
  const main = named.filter(({ subject }) => subject.isDetail !== true)
  const isLogo = logoWords.test(text)
  // A landscape has its own sun and mountains; on their own they are what was asked for.
  const shown = main.length > 0 || (setting !== undefined && !isLogo) ? main : named
  const kind = isLogo
    ? 'logo'
    : abstractWords.test(text) || (shown.length === 0 && setting === undefined)
      ? 'abstract'
      : 'scene'
  const furniture = setting === 'interior' && shown.length === 0 ? subjectsIn('chair') : shown
  return { kind, setting, subjects: furniture.slice(0, 2), isNight: nightWords.test(text), colour: colourIn(text) }
}
