import type { Look, Subject } from './subject.ts'
import { darker, lighter, pick } from './svg.ts'

const skins = ['#f2c9a4', '#e0a878', '#b97a4e', '#7a4a2e', '#f6d7bd'] as const
const hairs = ['#2a1c16', '#5a3418', '#b5802e', '#1c1a22', '#8a8a90'] as const

const hairOf = (hair: string, isLong: boolean): { behind: string; front: string } => ({
  behind: isLong
    ? `<path d="M-235 -210Q-250 -480 0 -485Q250 -480 235 -210Q235 60 300 190Q150 260 120 100H-120Q-150 260 -300 190Q-235 60 -235 -210Z" fill="${hair}"/>`
    : `<path d="M-205 -200Q-230 -460 0 -470Q230 -460 205 -200Z" fill="${hair}"/>`,
  front: isLong
    ? `<path d="M-190 -190Q-190 -400 20 -420Q-60 -300 -190 -190ZM190 -190Q200 -380 20 -420Q90 -290 190 -190Z" fill="${darker(hair, 0.15)}"/>`
    : `<path d="M-190 -200Q-200 -420 0 -430Q200 -420 190 -200Q150 -300 60 -330Q-60 -330 -130 -300Q-170 -260 -190 -200Z" fill="${darker(hair, 0.15)}"/>`,
})

/** The colour of hair that a prompt names, or that an age suggests. */
const namedHairs: readonly (readonly [words: RegExp, hex: string])[] = [
  [/\bred[- ]?hair|\bredhead|\bginger\b|红(?:头|色的头)?发/, '#b5482a'],
  [/\bblonde?\b|金(?:头|色的头)?发/, '#d9b25f'],
  [/\b(?:black|dark)[- ]?hair|黑(?:头|色的头)?发/, '#2a2224'],
  [
    /\b(?:gr[ae]y|white|silver)[- ]?hair|\b(?:old|elderly|aged)\b|\bgrand(?:mother|father|ma|pa)|白(?:头|色的头)?发|老人|爷爷|奶奶|祖[父母]/,
    '#c9c8c6',
  ],
]

function person({ colour, dice, text }: Look): string {
  const [skin, anyHair] = [pick(dice, skins), pick(dice, hairs)]
  const hair = namedHairs.find(([words]) => words.test(text))?.[1] ?? anyHair
  const isMan =
    /\b(?:man|men|boys?|king|(?:grand)?father|grandpa|dad|husband|brother|son|gentleman|guy|he|his)\b|男|先生|爷|父|爸|国王/.test(
      text,
    )
  const isWoman =
    /\b(?:wom[ae]n|girls?|lady|ladies|queen|(?:grand)?mother|grandma|mum|mom|wife|bride|sister|daughter|princess|she|her)\b|女|小姐|奶奶|母|妈|公主/.test(
      text,
    )
  const { behind, front } = hairOf(hair, isWoman || (!isMan && dice() < 0.5))
  const face = (
    [
      ['-78', '-168'],
      ['78', '-168'],
    ] as const
  )
    .map(
      ([x, y]) =>
        `<ellipse cx="${x}" cy="${y}" rx="34" ry="20" fill="#fff"/><circle cx="${x}" cy="${y}" r="18" fill="#3a2a1e"/><circle cx="${x}" cy="${y}" r="8" fill="#0c0a0c"/>`,
    )
    .join('')
  return (
    behind +
    `<path d="M-470 500Q-460 180 -110 130H110Q460 180 470 500Z" fill="${colour}"/><path d="M-110 130L0 300L110 130L70 90H-70Z" fill="${lighter(colour, 0.55)}"/>` +
    `<path d="M-75 -10V120Q0 210 75 120V-10Z" fill="${darker(skin, 0.15)}"/>` +
    `<ellipse cx="-190" cy="-150" rx="30" ry="48" fill="${darker(skin, 0.12)}"/><ellipse cx="190" cy="-150" rx="30" ry="48" fill="${darker(skin, 0.12)}"/>` +
    `<path d="M-190 -190Q-190 -410 0 -410Q190 -410 190 -190Q190 40 0 60Q-190 40 -190 -190Z" fill="${skin}"/>` +
    `<ellipse cx="-105" cy="-80" rx="48" ry="30" fill="#e0605a" opacity=".22"/><ellipse cx="105" cy="-80" rx="48" ry="30" fill="#e0605a" opacity=".22"/>` +
    face +
    `<path d="M-122 -222Q-80 -250 -38 -226M38 -226Q80 -250 122 -222" fill="none" stroke="${darker(hair, 0.2)}" stroke-width="15" stroke-linecap="round"/>` +
    `<path d="M0 -150Q-22 -80 -8 -72H18" fill="none" stroke="${darker(skin, 0.3)}" stroke-width="10" stroke-linecap="round"/>` +
    `<path d="M-58 -22Q0 28 58 -22Q0 -8 -58 -22Z" fill="#b5453f"/>` +
    front
  )
}

const robot = ({ colour }: Look): string =>
  `<rect x="-330" y="150" width="110" height="270" rx="50" fill="${darker(colour)}"/><rect x="220" y="150" width="110" height="270" rx="50" fill="${darker(colour)}"/>` +
  `<rect x="-170" y="380" width="120" height="120" rx="24" fill="${darker(colour)}"/><rect x="50" y="380" width="120" height="120" rx="24" fill="${darker(colour)}"/>` +
  `<rect x="-230" y="90" width="460" height="330" rx="60" fill="${colour}"/><rect x="-140" y="170" width="280" height="150" rx="24" fill="#16202c"/>` +
  `<path d="M-110 250H-50L-25 200L15 300L45 250H110" fill="none" stroke="#5df0c4" stroke-width="14"/>` +
  `<path d="M0 -310V-420" stroke="${darker(colour, 0.5)}" stroke-width="20"/><circle cx="0" cy="-440" r="42" fill="#f0603f"/>` +
  `<rect x="-280" y="-310" width="560" height="370" rx="110" fill="${lighter(colour, 0.2)}"/><rect x="-215" y="-230" width="430" height="210" rx="90" fill="#16202c"/>` +
  `<circle cx="-95" cy="-125" r="52" fill="#5df0f0"/><circle cx="95" cy="-125" r="52" fill="#5df0f0"/><circle cx="-80" cy="-142" r="16" fill="#fff"/><circle cx="110" cy="-142" r="16" fill="#fff"/>`

export const people = {
  person: {
    words:
      /\b(?:portraits?|headshots?|selfies?|wom[ae]n|m[ae]n|girls?|boys?|persons?|people|child(?:ren)?|kids?|bab(?:y|ies)|lad(?:y|ies)|gentlem[ae]n|guys?|kings?|queens?|princess(?:es)?|astronauts?|doctors?|nurses?|teachers?|chefs?|students?|dancers?|knights?|wizards?|faces?|(?:grand)?(?:mother|father)s?|grand(?:ma|pa)s?|mum|mom|dad|wi(?:fe|ves)|husbands?|brides?|sisters?|brothers?|daughters?|sons?|couples?|famil(?:y|ies)|friends?)\b|肖像|人像|人物|头像|女人|女孩|女性|女士|男人|男孩|爷爷|奶奶|祖父|祖母|妈妈|爸爸|母亲|父亲|男性|少女|少年|美女|老人|小孩|孩子|儿童|宇航员|医生|公主|国王|一个人|人脸/i,
    colours: ['#2f5d8a', '#8a3b4f', '#3f7a5a', '#5a4a8a', '#c4793a'],
    draw: person,
    scale: 1.25,
  },
  robot: {
    words: /\b(?:robots?|androids?|cyborgs?|mecha)\b|机器人|机甲/i,
    colours: ['#8fa3b8', '#c9a24a', '#6a8fd0'],
    draw: robot,
  },
} satisfies Record<string, Subject>
