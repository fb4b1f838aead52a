import type { Look, Subject } from './subject.ts'
import { darker, lighter } from './svg.ts'

/** Animals: those that sit and look at the viewer, those that stand in profile, birds and fish. */

interface Sitting {
  ears: 'pointed' | 'round' | 'floppy' | 'long'
  /** Colour of belly and muzzle; default: a lighter coat. */
  light?: string
  whiskers?: boolean
  /** Shapes behind the head, on the face. */
  mane?: string
  face?: (coat: string) => string
  /** Colour of ears, arms and feet; default: the coat. */
  limbs?: string
}

const earShapes: Readonly<Record<Sitting['ears'], (coat: string, inner: string) => string>> = {
  pointed: (coat, inner) =>
    `<path d="M-210 -240L-225 -455Q-90 -400 -60 -320ZM210 -240L225 -455Q90 -400 60 -320Z" fill="${coat}"/>` +
    `<path d="M-180 -280L-195 -400Q-120 -360 -95 -320ZM180 -280L195 -400Q120 -360 95 -320Z" fill="${inner}"/>`,
  round: (coat, inner) =>
    `<circle cx="-170" cy="-325" r="82" fill="${coat}"/><circle cx="170" cy="-325" r="82" fill="${coat}"/>` +
    `<circle cx="-170" cy="-320" r="44" fill="${inner}"/><circle cx="170" cy="-320" r="44" fill="${inner}"/>`,
  floppy: (coat) =>
    `<path d="M-150 -320Q-330 -330 -300 -40Q-280 0 -235 -40Q-190 -140 -150 -240ZM150 -320Q330 -330 300 -40Q280 0 235 -40Q190 -140 150 -240Z" fill="${darker(coat)}"/>`,
  long: (coat, inner) =>
    `<ellipse cx="-95" cy="-400" rx="58" ry="180" fill="${coat}" transform="rotate(-9 -95 -400)"/><ellipse cx="95" cy="-400" rx="58" ry="180" fill="${coat}" transform="rotate(9 95 -400)"/>` +
    `<ellipse cx="-95" cy="-390" rx="28" ry="130" fill="${inner}" transform="rotate(-9 -95 -390)"/><ellipse cx="95" cy="-390" rx="28" ry="130" fill="${inner}" transform="rotate(9 95 -390)"/>`,
}

const eyes = (left: number, y: number, size: number, iris = '#3b2a1a'): string =>
  [-left, left]
    .map(
      (x) =>
        `<circle cx="${x}" cy="${y}" r="${size}" fill="${iris}"/><circle cx="${x}" cy="${y}" r="${size * 0.62}" fill="#0b0a0d"/><circle cx="${x + size * 0.3}" cy="${y - size * 0.35}" r="${size * 0.28}" fill="#fff"/>`,
    )
    .join('')

function sitting({ ears, light, whiskers = false, mane = '', face, limbs }: Sitting): (look: Look) => string {
  return ({ colour, dice }) => {
    const pale = light ?? lighter(colour, 0.55)
    const limb = limbs ?? colour
    const iris = dice() < 0.5 ? '#6a8f2a' : '#a8691c'
    const hairs = whiskers
      ? '<path d="M-70 -70L-300 -110M-70 -50L-310 -45M-70 -30L-290 20M70 -70L300 -110M70 -50L310 -45M70 -30L290 20" stroke="#fff" stroke-opacity=".75" stroke-width="6"/>'
      : ''
    return (
      `<path d="M150 430Q420 420 380 180Q370 120 330 150Q360 330 120 350Z" fill="${darker(limb, 0.15)}"/>` +
      `<ellipse cx="0" cy="250" rx="235" ry="255" fill="${colour}"/><ellipse cx="0" cy="290" rx="130" ry="190" fill="${pale}"/>` +
      `<ellipse cx="-185" cy="455" rx="105" ry="52" fill="${darker(limb, 0.1)}"/><ellipse cx="185" cy="455" rx="105" ry="52" fill="${darker(limb, 0.1)}"/>` +
      `<path d="M-95 180V470Q-95 500 -55 500H-25V180ZM95 180V470Q95 500 55 500H25V180Z" fill="${limb}"/><path d="M-25 300V500M25 300V500" stroke="${darker(limb)}" stroke-width="6"/>` +
      mane +
      earShapes[ears](limbs ?? colour, '#e8a7a0') +
      `<ellipse cx="0" cy="-150" rx="245" ry="205" fill="${colour}"/>${face?.(colour) ?? ''}` +
      `<ellipse cx="-52" cy="-62" rx="88" ry="68" fill="${pale}"/><ellipse cx="52" cy="-62" rx="88" ry="68" fill="${pale}"/>` +
      eyes(105, -180, 46, iris) +
      `<path d="M-38 -112H38Q30 -70 0 -62Q-30 -70 -38 -112Z" fill="#2a1a1c"/><path d="M0 -62V-38Q-30 -8 -70 -26M0 -38Q30 -8 70 -26" fill="none" stroke="#2a1a1c" stroke-width="9" stroke-linecap="round"/>` +
      hairs
    )
  }
}

const stripes = (coat: string): string =>
  `<path d="M0 -350V-270M-60 -345L-45 -270M60 -345L45 -270M-240 -170L-170 -160M-235 -110L-175 -110M240 -170L170 -160M235 -110L175 -110" stroke="${darker(coat, 0.8)}" stroke-width="24" stroke-linecap="round"/>`

const cheeks = (): string =>
  '<path d="M-245 -150Q-215 40 0 55Q215 40 245 -150Q150 -130 70 -80H-70Q-150 -130 -245 -150Z" fill="#fdf6ea"/>'

const darkEyes = (): string =>
  '<ellipse cx="-108" cy="-172" rx="72" ry="88" transform="rotate(28 -108 -172)" fill="#1b1a1f"/><ellipse cx="108" cy="-172" rx="72" ry="88" transform="rotate(-28 108 -172)" fill="#1b1a1f"/>'

const lionsMane = `<g fill="#8a4a1c">${Array.from({ length: 14 }, (_, i) => {
  const angle = (i / 14) * Math.PI * 2
  return `<circle cx="${(Math.cos(angle) * 235).toFixed(0)}" cy="${(-150 + Math.sin(angle) * 215).toFixed(0)}" r="95"/>`
}).join('')}</g>`

/** An animal in profile, facing left; `extra` is drawn last. */
const standing =
  (extra: (coat: string) => string, neck = 0): ((look: Look) => string) =>
  ({ colour }) => {
    const [back, dark] = [darker(colour, 0.18), darker(colour, 0.45)]
    const head = -150 - neck
    return (
      `<path d="M-170 150V490H-105L-95 200ZM180 150V490H245L265 200Z" fill="${back}"/>` +
      `<path d="M-250 130V500H-180L-165 200ZM260 130V500H330L335 160Z" fill="${colour}"/>` +
      `<path d="M340 0Q430 60 400 260" fill="none" stroke="${dark}" stroke-width="34" stroke-linecap="round"/>` +
      `<ellipse cx="40" cy="90" rx="320" ry="175" fill="${colour}"/>` +
      `<path d="M-300 ${head}L-190 ${head - 60}Q-80 -60 20 -20L-160 190Q-270 60 -300 ${head}Z" fill="${colour}"/>` +
      `<path d="M-180 ${head - 75}L-150 ${head - 160}L-120 ${head - 40}Z" fill="${back}"/>` +
      `<ellipse cx="-320" cy="${head + 10}" rx="150" ry="88" transform="rotate(-24 -320 ${head + 10})" fill="${colour}"/>` +
      `<ellipse cx="-420" cy="${head + 60}" rx="62" ry="54" fill="${lighter(colour, 0.35)}"/><circle cx="-440" cy="${head + 50}" r="10" fill="#1b1416"/>` +
      `<circle cx="-290" cy="${head - 22}" r="21" fill="#17100f"/><circle cx="-284" cy="${head - 29}" r="7" fill="#fff"/>` +
      extra(colour)
    )
  }

const wool = (coat: string): string =>
  `<g fill="${lighter(coat, 0.2)}">${Array.from({ length: 16 }, (_, i) => `<circle cx="${-230 + (i % 8) * 78}" cy="${i < 8 ? 0 + (i % 2) * 22 : 110 + (i % 3) * 34}" r="98"/>`).join('')}</g>`

const bird = ({ colour }: Look): string =>
  `<path d="M-420 440Q0 400 430 450L430 490Q0 440 -420 480Z" fill="#6b4a32"/><path d="M-30 330V440M50 330V435" stroke="#c98a2a" stroke-width="22"/>` +
  `<path d="M150 120L440 330L390 390L120 260Z" fill="${darker(colour, 0.35)}"/>` +
  `<ellipse cx="0" cy="120" rx="225" ry="245" transform="rotate(-24 0 120)" fill="${colour}"/><ellipse cx="-70" cy="170" rx="140" ry="175" transform="rotate(-20 -70 170)" fill="${lighter(colour, 0.6)}"/>` +
  `<path d="M-10 20Q210 30 270 300Q90 330 -10 200Z" fill="${darker(colour, 0.22)}"/><path d="M60 120Q170 160 220 270M40 180Q120 220 170 280" fill="none" stroke="${darker(colour, 0.5)}" stroke-width="12"/>` +
  `<circle cx="-120" cy="-160" r="165" fill="${colour}"/><path d="M-270 -190L-420 -130L-262 -98Z" fill="#eea32f"/><path d="M-120 -320Q-60 -420 -10 -390Q-60 -350 -60 -310Z" fill="${darker(colour, 0.25)}"/>` +
  '<circle cx="-170" cy="-190" r="42" fill="#fff"/><circle cx="-178" cy="-188" r="27" fill="#120f12"/><circle cx="-186" cy="-198" r="9" fill="#fff"/>'

const fish = ({ colour }: Look): string =>
  `<path d="M230 0L460 -210Q400 0 460 210Z" fill="${darker(colour, 0.2)}"/><path d="M-60 -190Q60 -370 220 -180L120 -120ZM-20 190Q60 320 170 190Z" fill="${darker(colour, 0.15)}"/>` +
  `<path d="M-430 10Q-260 -240 40 -215Q220 -170 280 0Q220 170 40 215Q-260 240 -430 10Z" fill="${colour}"/><path d="M-400 40Q-240 220 40 215Q180 180 250 70Q0 130 -400 40Z" fill="${lighter(colour, 0.5)}"/>` +
  `<path d="M-120 -190Q-60 0 -130 195M60 -212Q120 0 50 212" fill="none" stroke="#fff" stroke-opacity=".75" stroke-width="36"/><path d="M-60 40Q60 30 90 130Q0 150 -60 40Z" fill="${darker(colour, 0.25)}"/>` +
  '<circle cx="-270" cy="-50" r="48" fill="#fff"/><circle cx="-280" cy="-48" r="28" fill="#101014"/><path d="M-415 40Q-370 65 -335 52" fill="none" stroke="#40201c" stroke-width="12" stroke-linecap="round"/>'

export const animals = {
  cat: {
    words: /\b(?:cats?|kittens?|kitty)\b|(?<!熊)猫(?!头鹰)|喵/i,
    colours: ['#d98b3f', '#6d6e78', '#3a3a42', '#e8d5b8'],
    draw: sitting({ ears: 'pointed', whiskers: true }),
  },
  dog: {
    words: /\b(?:dogs?|pupp(?:y|ies)|corgis?|husk(?:y|ies)|labradors?|poodles?)\b|狗|犬|柯基|哈士奇/i,
    colours: ['#c08a4e', '#8a5a34', '#e3c08a', '#5b4a3e'],
    draw: sitting({ ears: 'floppy' }),
  },
  fox: {
    words: /\b(?:fox(?:es)?|wol(?:f|ves))\b|狐|狼/i,
    colours: ['#d9692a', '#c85a20'],
    draw: sitting({ ears: 'pointed', light: '#fdf6ea', face: cheeks }),
  },
  panda: {
    words: /\bpandas?\b|熊猫/i,
    colours: ['#f4f2ee'],
    draw: sitting({ ears: 'round', limbs: '#1e1d22', face: darkEyes }),
  },
  bear: {
    words:
      /\b(?:(?:teddy )?bears?|koalas?|monkeys?|mouse|mice|hamsters?|squirrels?|hedgehogs?|raccoons?|otters?)\b|熊(?!猫)|考拉|猴|仓鼠|老鼠/i,
    colours: ['#8a5a3a', '#6d4630', '#a37a58'],
    draw: sitting({ ears: 'round' }),
  },
  rabbit: {
    words: /\b(?:rabbits?|bunn(?:y|ies)|hares?)\b|兔/i,
    colours: ['#e9e2da', '#b99f8a', '#8f8a90'],
    draw: sitting({ ears: 'long', whiskers: true }),
  },
  tiger: {
    words: /\b(?:tigers?|leopards?)\b|虎|豹/i,
    colours: ['#e8923a'],
    draw: sitting({ ears: 'round', light: '#fff6e6', whiskers: true, face: stripes }),
  },
  lion: {
    words: /\blions?\b|狮/i,
    colours: ['#d9a860'],
    home: 'desert',
    draw: sitting({ ears: 'round', mane: lionsMane, whiskers: true }),
  },
  horse: {
    words: /\b(?:horses?|pon(?:y|ies)|unicorns?|zebras?|animals?)\b|(?<![罗河斑])马(?![路克上桶力赛])|斑马(?!线)|动物/i,
    colours: ['#8a5230', '#5a3a28', '#b98a5a'],
    home: 'meadow',
    draw: standing(
      (coat) => `<path d="M-180 -340Q-20 -260 40 -40L-30 -40Q-90 -200 -200 -290Z" fill="${darker(coat, 0.6)}"/>`,
      110,
    ),
  },
  cow: {
    words: /\b(?:cows?|bulls?|pigs?|goats?)\b|牛(?![奶肉仔油排])|猪(?!肉)/i,
    colours: ['#f0ece6', '#a8683e'],
    home: 'meadow',
    draw: standing(
      (coat) =>
        `<path d="M-80 -40Q60 -90 100 30Q40 110 -60 70ZM170 60Q270 20 300 130Q240 200 180 150Z" fill="${darker(coat, 0.75)}"/><path d="M-230 -250Q-280 -300 -250 -340M-170 -260Q-120 -310 -150 -350" fill="none" stroke="#efe3c6" stroke-width="24"/>`,
    ),
  },
  sheep: {
    words: /\b(?:sheep|lambs?|alpacas?|llamas?)\b|羊(?!肉)|羊驼/i,
    colours: ['#e9e4da'],
    home: 'meadow',
    draw: standing(wool),
  },
  deer: {
    words: /\b(?:deer|reindeer|elk|moose|giraffes?)\b|鹿/i,
    colours: ['#a8713c'],
    home: 'lake',
    draw: standing(
      () =>
        '<path d="M-200 -330L-250 -470L-330 -520M-245 -450L-190 -520M-160 -340L-120 -480L-40 -520M-125 -460L-170 -530" fill="none" stroke="#d9c29a" stroke-width="22" stroke-linecap="round"/>',
      110,
    ),
  },
  elephant: {
    words: /\b(?:elephants?|rhinos?|hippos?)\b|大象|小象|犀牛|河马/i,
    colours: ['#8d929c'],
    home: 'desert',
    draw: standing(
      (coat) =>
        `<path d="M-430 -140Q-500 60 -430 260Q-400 300 -370 270Q-420 80 -350 -40Z" fill="${coat}"/><ellipse cx="-150" cy="-120" rx="120" ry="150" fill="${darker(coat, 0.25)}"/><path d="M-390 10Q-440 70 -480 60" fill="none" stroke="#f4eee0" stroke-width="28" stroke-linecap="round"/>`,
    ),
  },
  bird: {
    words:
      /\b(?:(?:humming|black|blue|song)?birds?|owls?|parrots?|eagles?|penguins?|ducks?|chicks?|chickens?|roosters?|swans?|robins?|sparrows?|ravens?|crows?|doves?|pigeons?|(?:sea)?gulls?|flamingos?|peacocks?|toucans?)\b|鸟|鹰|鸭|鹦鹉|企鹅|天鹅|鹤|鸡(?![蛋肉翅尾])/i,
    colours: ['#3f7fc4', '#c4453f', '#3f9a6a', '#e0b13a'],
    home: 'meadow',
    draw: bird,
  },
  fish: {
    words: /\b(?:(?:gold)?fish(?:es)?|whales?|dolphins?|sharks?)\b|鱼(?!尾狮)|鲸|海豚|鲨/i,
    colours: ['#ee7d2b', '#3f8fd0', '#e0c33a'],
    home: 'underwater',
    draw: fish,
  },
} satisfies Record<string, Subject>
