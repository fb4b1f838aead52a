import type { Look, Subject } from './subject.ts'
import { darker, lighter, px } from './svg.ts'

/** Things, plants and food; and details of a landscape that an edit can add. */

const car = ({ colour }: Look): string =>
  `<ellipse cx="0" cy="495" rx="470" ry="20" fill="#000" opacity=".25"/><path d="M-250 170Q-150 10 -40 10H140Q240 20 310 170Z" fill="${darker(colour, 0.2)}"/>` +
  `<path d="M-210 165Q-130 50 -50 48H30V165ZM60 48H130Q200 60 250 165H60Z" fill="#bfe0f2"/>` +
  `<path d="M-470 400V280Q-460 200 -250 165H310Q460 190 470 290V400Q470 420 440 420H-440Q-470 420 -470 400Z" fill="${colour}"/>` +
  `<path d="M-470 330H470V380H-470Z" fill="${darker(colour, 0.25)}"/><rect x="-465" y="240" width="60" height="50" rx="20" fill="#fff3c4"/><rect x="420" y="240" width="46" height="50" rx="14" fill="#d9302c"/><rect x="0" y="230" width="70" height="14" rx="7" fill="${darker(colour, 0.4)}"/>` +
  [-270, 280]
    .map(
      (x) =>
        `<circle cx="${x}" cy="405" r="92" fill="#1b1b20"/><circle cx="${x}" cy="405" r="48" fill="#c9ccd2"/><circle cx="${x}" cy="405" r="16" fill="#50535a"/>`,
    )
    .join('')

const boat = ({ colour }: Look): string =>
  `<path d="M0 -480V330" stroke="#6b4a2e" stroke-width="22"/><path d="M25 -450Q330 -120 340 230H25Z" fill="#fbf6ea"/><path d="M-25 -380Q-260 -60 -270 230H-25Z" fill="${lighter(colour, 0.75)}"/>` +
  `<path d="M25 -450L150 -410L25 -370Z" fill="${colour}"/><path d="M-430 290H440Q390 480 270 490H-250Q-370 480 -430 290Z" fill="${colour}"/><path d="M-430 290H440L425 345H-413Z" fill="${lighter(colour, 0.45)}"/><path d="M-470 480Q-380 455 -290 480T-110 480T70 480T250 480T440 480V500H-470Z" fill="#fff" opacity=".45"/>`

const balloon = ({ colour }: Look): string => {
  const bands = [0, 1, 2]
    .map(
      (i) =>
        `<path d="M0 -490Q${px(300 - i * 190)} -190 0 210Q${px(-300 + i * 190)} -190 0 -490Z" fill="${i % 2 ? colour : lighter(colour, 0.45)}" opacity=".75"/>`,
    )
    .join('')
  return (
    `<path d="M-340 -170Q-340 -490 0 -490Q340 -490 340 -170Q330 30 80 220H-80Q-330 30 -340 -170Z" fill="${colour}"/>${bands}` +
    '<path d="M-80 220L-65 360M80 220L65 360" stroke="#5a4030" stroke-width="9"/><path d="M-85 360H85L70 490H-70Z" fill="#a8713c"/><path d="M-85 360H85V390H-85Z" fill="#7a4a24"/>'
  )
}

const plane = ({ colour }: Look): string =>
  `<path d="M330 60L450 -150H360L210 40Z" fill="${darker(colour, 0.2)}"/><path d="M-480 130Q-380 20 -150 20H330Q450 40 450 100Q430 160 250 180H-330Q-470 180 -480 130Z" fill="${lighter(colour, 0.75)}"/><path d="M-60 110H130L330 400H230Z" fill="${colour}"/><path d="M-20 30L150 -190H80L-120 30Z" fill="${darker(colour, 0.15)}"/>` +
  Array.from({ length: 9 }, (_, i) => `<circle cx="${-250 + i * 62}" cy="82" r="16" fill="#3f6a8f"/>`).join('')

const house = ({ colour }: Look): string =>
  `<rect x="190" y="-330" width="80" height="220" fill="#7a4a3a"/><rect x="-320" y="-20" width="640" height="520" fill="${lighter(colour, 0.6)}"/><path d="M-420 10L0 -370L420 10Z" fill="${colour}"/><path d="M-420 10L0 -370L40 -335L-340 10Z" fill="${darker(colour, 0.25)}"/>` +
  '<rect x="-75" y="230" width="150" height="270" fill="#5a3a28"/><circle cx="48" cy="370" r="12" fill="#e8c860"/>' +
  [-225, 225]
    .map(
      (x) =>
        `<rect x="${x - 75}" y="90" width="150" height="150" fill="#ffe9a8" stroke="#fff" stroke-width="16"/><path d="M${x} 90V240M${x - 75} 165H${x + 75}" stroke="#fff" stroke-width="10"/>`,
    )
    .join('')

const cup = ({ colour }: Look): string =>
  `<ellipse cx="0" cy="455" rx="430" ry="45" fill="${darker(colour, 0.25)}"/><ellipse cx="0" cy="440" rx="420" ry="40" fill="${lighter(colour, 0.35)}"/><path d="M250 60Q470 40 430 220Q390 340 200 320" fill="none" stroke="${darker(colour, 0.1)}" stroke-width="55"/>` +
  `<path d="M-290 -20H290Q300 340 130 430H-130Q-300 340 -290 -20Z" fill="${colour}"/><path d="M-290 -20H-200Q-200 320 -90 430H-130Q-300 340 -290 -20Z" fill="${lighter(colour, 0.3)}"/><ellipse cx="0" cy="-20" rx="290" ry="62" fill="${lighter(colour, 0.55)}"/><ellipse cx="0" cy="-10" rx="250" ry="46" fill="#5a3420"/>` +
  '<path d="M-90 -120Q-150 -200 -90 -270T-90 -420M30 -120Q-30 -200 30 -270T30 -440M140 -120Q80 -200 140 -270T140 -400" fill="none" stroke="#fff" stroke-opacity=".55" stroke-width="24" stroke-linecap="round"/>'

const bottle = ({ colour }: Look): string =>
  `<ellipse cx="0" cy="485" rx="260" ry="22" fill="#000" opacity=".28"/><rect x="-70" y="-480" width="140" height="120" rx="16" fill="#d9b25a"/><rect x="-50" y="-370" width="100" height="90" fill="${lighter(colour, 0.5)}"/>` +
  `<path d="M-60 -290H60Q90 -200 200 -160Q220 -150 220 -110V440Q220 490 170 490H-170Q-220 490 -220 440V-110Q-220 -150 -200 -160Q-90 -200 -60 -290Z" fill="${colour}"/><path d="M-180 -100Q-180 -130 -150 -140V450H-180Z" fill="#fff" opacity=".45"/><rect x="-220" y="60" width="440" height="230" fill="#fbf7ee"/><path d="M-120 130H120M-80 180H80M-120 230H120" stroke="${darker(colour, 0.4)}" stroke-width="14"/>`

const chair = ({ colour }: Look): string =>
  `<path d="M-300 130L-330 500H-280L-240 160ZM300 130L330 500H280L240 160Z" fill="#6b4a2e"/><rect x="-290" y="-420" width="580" height="460" rx="90" fill="${darker(colour, 0.15)}"/><rect x="-340" y="40" width="680" height="190" rx="70" fill="${colour}"/><rect x="-400" y="-90" width="120" height="320" rx="55" fill="${lighter(colour, 0.15)}"/><rect x="280" y="-90" width="120" height="320" rx="55" fill="${lighter(colour, 0.15)}"/>`

const tree = ({ colour }: Look): string =>
  `<path d="M-50 500L-30 90H30L60 500Z" fill="#6b4428"/><circle cx="-170" cy="-20" r="190" fill="${darker(colour, 0.25)}"/><circle cx="180" cy="0" r="180" fill="${darker(colour, 0.15)}"/><circle cx="0" cy="-220" r="250" fill="${colour}"/><circle cx="-70" cy="-290" r="130" fill="${lighter(colour, 0.2)}"/>`

const flower = ({ colour, text }: Look): string => {
  const isSunflower = /sunflower|daisy|葵|菊/.test(text)
  const petals = Array.from({ length: isSunflower ? 16 : 8 }, (_, i) => {
    const turn = (i * 360) / (isSunflower ? 16 : 8)
    return `<ellipse cx="0" cy="-375" rx="${isSunflower ? 52 : 96}" ry="165" transform="rotate(${turn} 0 -180)" fill="${i % 2 ? colour : lighter(colour, 0.18)}"/>`
  }).join('')
  return (
    '<path d="M0 -100Q40 200 0 500" fill="none" stroke="#3d8a3f" stroke-width="30"/><path d="M10 330Q210 300 260 130Q60 150 10 330ZM10 430Q-200 400 -250 240Q-50 250 10 430Z" fill="#4a9a48"/>' +
    `${petals}<circle cx="0" cy="-180" r="${isSunflower ? 125 : 85}" fill="${isSunflower ? '#6b4020' : '#f3c83f'}"/><circle cx="0" cy="-180" r="${isSunflower ? 75 : 45}" fill="${isSunflower ? '#8a5a2c' : '#e0a020'}"/>`
  )
}

const cake = ({ colour }: Look): string =>
  `<ellipse cx="0" cy="450" rx="470" ry="48" fill="#d5d8e0"/><path d="M-360 40H360V430Q0 500 -360 430Z" fill="#e9c28a"/><path d="M-360 200H360V260H-360Z" fill="#8a4a2a"/><path d="M-360 40V170Q-300 230 -240 170T-120 170T0 170T120 170T240 170Q300 230 360 170V40Z" fill="${colour}"/><ellipse cx="0" cy="40" rx="360" ry="80" fill="${lighter(colour, 0.25)}"/>` +
  [-180, 0, 180]
    .map(
      (x) =>
        `<rect x="${x - 16}" y="-170" width="32" height="200" fill="#7fb8e0"/><path d="M${x} -270Q${x + 50} -200 ${x} -172Q${x - 50} -200 ${x} -270Z" fill="#ffb52e"/>`,
    )
    .join('')

const fruit = ({ colour }: Look): string =>
  `<ellipse cx="0" cy="485" rx="330" ry="22" fill="#000" opacity=".25"/><path d="M0 -170Q-130 -270 -290 -170Q-440 -50 -360 220Q-280 500 -90 485Q0 450 90 485Q280 500 360 220Q440 -50 290 -170Q130 -270 0 -170Z" fill="${colour}"/><ellipse cx="-200" cy="-20" rx="60" ry="120" transform="rotate(24 -200 -20)" fill="#fff" opacity=".4"/><path d="M0 -170Q0 -320 70 -410" fill="none" stroke="#5a3a20" stroke-width="34" stroke-linecap="round"/><path d="M40 -290Q150 -450 310 -370Q220 -240 40 -290Z" fill="#5aa63f"/>`

const bowl = ({ colour, dice }: Look): string => {
  const bits = Array.from({ length: 12 }, () => {
    const [x, y] = [(dice() - 0.5) * 560, -50 + dice() * 70]
    return `<circle cx="${px(x)}" cy="${px(y)}" r="${px(28 + dice() * 34)}" fill="${dice() < 0.4 ? '#5aa63f' : dice() < 0.6 ? '#e0503f' : '#f4d27a'}"/>`
  }).join('')
  return (
    `<ellipse cx="0" cy="480" rx="330" ry="24" fill="#000" opacity=".25"/><path d="M-440 20H440Q400 400 170 470H-170Q-400 400 -440 20Z" fill="${colour}"/><path d="M-440 20H-330Q-300 340 -110 470H-170Q-400 400 -440 20Z" fill="${lighter(colour, 0.3)}"/><ellipse cx="0" cy="20" rx="440" ry="100" fill="${lighter(colour, 0.5)}"/><ellipse cx="0" cy="28" rx="390" ry="78" fill="#d9943f"/>${bits}` +
    '<path d="M120 -20L430 -430M180 0L480 -390" stroke="#7a4a24" stroke-width="20" stroke-linecap="round"/>'
  )
}

const mountain = ({ colour }: Look): string =>
  `<path d="M-500 500L-60 -420L120 -110L220 -250L500 500Z" fill="${colour}"/><path d="M-60 -420L120 -110L60 500H500L220 -250Z" fill="${darker(colour, 0.25)}" opacity=".6"/><path d="M-60 -420L-170 -190L-90 -230L-40 -150L20 -210L60 -200Z" fill="#f6f9ff"/>`

const rainbow = (): string =>
  ['#e0403a', '#f08a2e', '#f2d13a', '#4ab35a', '#3f7fd9', '#7a4ac0']
    .map(
      (colour, i) =>
        `<path d="M${-480 + i * 42} 400A${480 - i * 42} ${480 - i * 42} 0 0 1 ${480 - i * 42} 400" fill="none" stroke="${colour}" stroke-width="42" opacity=".8"/>`,
    )
    .join('')

const glowing = ({ colour }: Look): string =>
  [480, 380, 300].map((r) => `<circle r="${r}" fill="${lighter(colour, 0.5)}" opacity=".16"/>`).join('') +
  `<circle r="230" fill="${colour}"/>`

export const things = {
  car: {
    words:
      /\b(?:(?:race)?cars?|trucks?|bus(?:es)?|taxis?|vans?|vehicles?|jeep)\b|汽车|轿车|跑车|卡车|公交|出租车|赛车|[辆色]车/i,
    colours: ['#c4302c', '#2f6ac4', '#e0b13a', '#3f8f6a'],
    home: 'city',
    draw: car,
  },
  boat: {
    words: /\b(?:(?:sail)?boats?|(?:sail|steam)?ships?|yachts?|canoes?|sailing)\b|船|轮船|游艇|帆/i,
    colours: ['#b5352e', '#2f5d9a', '#e8e2d4'],
    home: 'sea',
    draw: boat,
  },
  balloon: {
    words: /\b(?:balloons?|airships?)\b|气球/i,
    colours: ['#d9432f', '#e08a2e', '#3f8fc4', '#8a4aa8'],
    home: 'lake',
    draw: balloon,
  },
  plane: {
    words: /\b(?:(?:air)?planes?|aircraft|jets?|space(?:ships?|craft)|rockets?|ufo)\b|飞机|飞船|火箭/i,
    colours: ['#2f5da8', '#c4403a'],
    home: 'meadow',
    draw: plane,
  },
  house: {
    words:
      /\b(?:houses?|cabins?|cottages?|huts?|barns?|castles?|homes?|temples?|church)\b|房子|木屋|小屋|房屋|城堡|寺庙/i,
    colours: ['#a8483a', '#4a6a8f', '#7a5a3a'],
    home: 'meadow',
    draw: house,
  },
  cup: {
    words: /\b(?:cups?|mugs?|coffee|tea|teapot|latte|espresso)\b|杯|咖啡|茶(?!几)/i,
    colours: ['#e9e4da', '#3f7a8f', '#c46a4a'],
    draw: cup,
  },
  bottle: {
    words:
      /\b(?:bottles?|perfumes?|products?|vases?|jars?|cosmetics?|skincare|wine)\b|瓶|香水|产品|商品|护肤|酒(?!店)/i,
    colours: ['#3f8f7a', '#8a5ab0', '#c47a3f'],
    draw: bottle,
  },
  chair: {
    words: /\b(?:chairs?|sofas?|couch(?:es)?|armchairs?|furniture)\b|椅|沙发|家具/i,
    colours: ['#3f7a8f', '#c47a4a', '#8a4a5a'],
    draw: chair,
  },
  flower: {
    words:
      /\b(?:flowers?|roses?|tulips?|(?:sun)?flowers?|dais(?:y|ies)|bouquets?|orchids?|peon(?:y|ies)|lotus|blossoms?)\b|(?<!雪)花(?![园费纹样])|玫瑰|郁金香|牡丹|荷/i,
    colours: ['#e0508a', '#d93a4a', '#f0b52e', '#8a5ad0'],
    draw: flower,
  },
  cake: {
    words: /\b(?:(?:cup)?cakes?|birthday|desserts?|pies?|ice cream)\b|蛋糕|生日|甜点|甜品|冰淇淋/i,
    colours: ['#f0a8b8', '#8a5234', '#f4e6c8'],
    draw: cake,
  },
  fruit: {
    words:
      /\b(?:fruits?|apples?|oranges|peach(?:es)?|lemons?|tomato(?:es)?|strawberr(?:y|ies))\b|水果|苹果|橙子|桃子|柠檬|草莓|番茄/i,
    colours: ['#d0322c', '#e8902e', '#7ab03a'],
    draw: fruit,
  },
  bowl: {
    words:
      /\b(?:bowls?|foods?|noodles?|ramen|soups?|rice|salads?|pizzas?|meals?|dish(?:es)?|burgers?|sushi|breakfast|pasta|steak)\b|碗|食物|面条|拉面|米饭|美食|菜|火锅|饺子|汉堡|披萨|寿司|早餐/i,
    colours: ['#2f5d8a', '#b5453a', '#e9e4da'],
    draw: bowl,
  },
  tree: {
    words: /\b(?:trees?|oaks?|palms?)\b|树(?!林)/i,
    colours: ['#4a9a48', '#3f7f52'],
    home: 'meadow',
    draw: tree,
    isDetail: true,
  },
  mountain: { words: /\bmountains?\b|\bvolcano(?:es)?\b|山/i, colours: ['#6a7a8f'], draw: mountain, isDetail: true },
  sun: { words: /\bsuns?\b|太阳/i, colours: ['#ffd84a'], draw: glowing, isDetail: true },
  moon: { words: /\bmoons?\b|月亮|月球/i, colours: ['#f4f1e0'], draw: glowing, isDetail: true },
  rainbow: { words: /\brainbows?\b|彩虹/i, colours: ['#e0403a'], draw: rainbow, isDetail: true },
  cloud: {
    words: /\bclouds?\b|云/i,
    colours: ['#fbfcff'],
    draw: ({ colour }) =>
      `<g fill="${colour}" opacity=".92"><circle cx="-240" cy="80" r="170"/><circle cx="-20" cy="-40" r="240"/><circle cx="240" cy="60" r="190"/><rect x="-400" y="60" width="830" height="190" rx="95"/></g>`,
    isDetail: true,
  },
  heart: {
    words: /\bhearts?\b|爱心|心形/i,
    colours: ['#e0304a'],
    draw: ({ colour }) =>
      `<path d="M0 450Q-470 120 -420 -150Q-340 -420 -60 -300Q-20 -270 0 -220Q20 -270 60 -300Q340 -420 420 -150Q470 120 0 450Z" fill="${colour}"/><ellipse cx="-220" cy="-170" rx="60" ry="95" transform="rotate(30 -220 -170)" fill="#fff" opacity=".4"/>`,
    isDetail: true,
  },
  star: {
    words: /\bstars?\b|星星|星形|五角星/i,
    colours: ['#f7cf3a'],
    draw: ({ colour }) =>
      `<path d="M0 -470L118 -150L460 -140L190 70L290 400L0 210L-290 400L-190 70L-460 -140L-118 -150Z" fill="${colour}"/>`,
    isDetail: true,
  },
  hat: {
    words: /\b(?:hats?|caps?|beret)\b|帽/i,
    colours: ['#2f3a5a', '#b5352e'],
    draw: ({ colour }) =>
      `<ellipse cx="0" cy="330" rx="480" ry="110" fill="${darker(colour, 0.2)}"/><path d="M-270 320Q-290 -250 0 -270Q290 -250 270 320Q0 400 -270 320Z" fill="${colour}"/><path d="M-272 200Q0 290 272 200V310Q0 400 -272 310Z" fill="${darker(colour, 0.55)}"/>`,
    isDetail: true,
  },
} satisfies Record<string, Subject>
