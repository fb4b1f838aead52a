import sharp, { type Sharp } from 'sharp'

/** Effects on the whole image. */

export interface Size {
  width: number
  height: number
}

type Filter = (image: Sharp, size: Size) => Sharp | Promise<Sharp>

const png = (image: Sharp): Promise<Buffer> => image.png({ compressionLevel: 1 }).toBuffer()
const edge = ({ width, height }: Size): number => Math.min(width, height)

const svg = ({ width, height }: Size, shapes: string): Buffer =>
  Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${shapes}</svg>`)

/** Points spread evenly and reproducibly, by steps of the golden ratio. */
const scattered = ({ width, height }: Size, count: number): (readonly [number, number])[] =>
  Array.from({ length: count }, (_, i) => [(i * 0.618034 * width) % width, (i * 0.754878 * height) % height] as const)

const snow: Filter = (image, size) => {
  const flakes = scattered(size, 260).map(
    ([x, y], i) =>
      `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${((edge(size) / 1000) * (2 + (i % 5) * 1.6)).toFixed(1)}" opacity="${0.5 + (i % 4) * 0.14}"/>`,
  )
  return image.composite([{ input: svg(size, `<g fill="#fff">${flakes.join('')}</g>`) }])
}

const rain: Filter = (image, size) => {
  const unit = edge(size) / 1000
  const drops = scattered(size, 300).map(
    ([x, y], i) =>
      `M${x.toFixed(1)} ${y.toFixed(1)}l${(-unit * 12).toFixed(1)} ${(unit * (36 + (i % 5) * 12)).toFixed(1)}`,
  )
  const shapes = `<rect width="100%" height="100%" fill="#1c2a3c" opacity=".35"/><path d="${drops.join('')}" stroke="#dce8f4" stroke-opacity=".6" stroke-width="${(unit * 2.4).toFixed(1)}"/>`
  return image.composite([{ input: svg(size, shapes) }])
}

/** Dark lines at edges on white: the image divided by its blurred negative. */
const sketch: Filter = async (image, size) => {
  const grey = await png(image.grayscale().toColourspace('srgb'))
  const softNegative = await png(
    sharp(grey)
      .negate({ alpha: false })
      .blur(Math.max(0.8, edge(size) / 130)),
  )
  const lines = await png(sharp(grey).composite([{ input: softNegative, blend: 'colour-dodge' }]))
  return sharp(lines).gamma(2.6).linear(1.15, -38)
}

/** Patches of one colour, as of a broad brush. */
const painting: Filter = async (image, size) => {
  const small = { width: Math.max(2, Math.round(size.width / 3)), height: Math.max(2, Math.round(size.height / 3)) }
  const patches = await png(image.resize({ ...small, fit: 'fill' }).median(5))
  return sharp(patches)
    .resize({ ...size, fit: 'fill', kernel: 'cubic' })
    .modulate({ saturation: 1.35 })
    .sharpen({ sigma: 2 })
}

const cartoon: Filter = async (image, size) => {
  const source = await png(image)
  const flat = await png(await painting(sharp(source), size))
  const few = await sharp(flat).png({ palette: true, colours: 14, dither: 0 }).toBuffer()
  const lines = await png(await sketch(sharp(source), size))
  return sharp(await png(sharp(few).toColourspace('srgb'))).composite([{ input: lines, blend: 'multiply' }])
}

const pixelate: Filter = async (image, { width, height }) => {
  const coarse = { width: Math.max(1, width >> 5), height: Math.max(1, height >> 5) }
  return sharp(await png(image.resize({ ...coarse, fit: 'fill' }))).resize(width, height, {
    kernel: 'nearest',
    fit: 'fill',
  })
}

const night: Filter = async (image, size) =>
  sharp(await png(image.modulate({ brightness: 0.5, saturation: 0.7 }))).composite([
    { input: svg(size, '<rect width="100%" height="100%" fill="#0c1a4c" opacity=".4"/>') },
  ])

/** Cut to the middle, as a camera that comes closer. */
const zoomIn: Filter = async (image, { width, height }) => {
  const [w, h] = [Math.max(1, Math.round(width * 0.6)), Math.max(1, Math.round(height * 0.6))]
  const middle = await png(image.extract({ left: (width - w) >> 1, top: (height - h) >> 1, width: w, height: h }))
  return sharp(middle).resize(width, height, { fit: 'fill' })
}

/** The image smaller, before a blurred copy of itself. */
const zoomOut: Filter = async (image, { width, height }) => {
  const source = await png(image)
  const [w, h] = [Math.max(1, Math.round(width * 0.66)), Math.max(1, Math.round(height * 0.66))]
  const input = await png(sharp(source).resize(w, h, { fit: 'fill' }))
  return sharp(source)
    .blur(Math.max(1, Math.min(width, height) / 30))
    .composite([{ input, left: (width - w) >> 1, top: (height - h) >> 1 }])
}

/** In the order in which several of one clause are applied. */
const filters = {
  mirror: {
    words: /\bmirror(?:ed)?\b|flip.*horizontal|horizontal.*flip|镜像|左右翻转|水平翻转/i,
    apply: (image) => image.flop(),
  },
  flip: {
    words: /\bflip(?:ped)?\b(?!.*horizontal)|上下翻转|垂直翻转|(?<!左右|水平)翻转/i,
    apply: (image) => image.flip(),
  },
  zoomIn: { words: /\bzoom in\b|\bclose[- ]?up\b|\bcrop\b|放大|裁剪|特写/i, apply: zoomIn },
  zoomOut: { words: /\bzoom out\b|\boutpaint\w*|\bexpand\b|\bextend\b|缩小|扩展|扩图/i, apply: zoomOut },
  sharpen: {
    words: /\bsharpen\b|\bsharper\b|\b(?:un|de)blur|less blurry|锐化|更清晰|变清晰|去模糊/i,
    apply: (image) => image.sharpen({ sigma: 2 }),
  },
  blur: {
    words: /(?<!un|de|less )\bblur(?:red|ry|rier)?\b|soft focus|out of focus|(?<!去)模糊|虚化/i,
    apply: (image, size) => image.blur(Math.max(0.6, edge(size) / 90)),
  },
  pixelate: { words: /\bpixel\w*|\bmosaic\b|像素|马赛克/i, apply: pixelate },
  brighten: {
    words:
      /(?<!\b(?:less|not|too|so|as) )\bbright(?:er|en)?\b(?! (?:red|orange|yellow|gold|green|cyan|teal|blue|purple|violet|pink|brown|gr[ae]y))|\bless dark\b|\btoo dark\b|\b(?:increase|raise|more)\b.*\bbrightness\b|\blighten\b|\blighter\b|变亮|提亮|加亮|更亮|亮一[点些]/i,
    apply: (image) => image.modulate({ brightness: 1.35 }),
  },
  darken: {
    words:
      /(?<!\b(?:less|not|too|so|as) )\bdark(?:er|en)?\b(?! (?:red|orange|yellow|gold|green|cyan|teal|blue|purple|violet|pink|brown|gr[ae]y))|\bless bright\b|\btoo bright\b|\b(?:reduce|decrease|lower|less)\b.*\bbrightness\b|变暗|压暗|加深|更暗|暗一[点些]/i,
    apply: (image) => image.modulate({ brightness: 0.6 }),
  },
  night: { words: /\b(?:at )?night(?:time)?\b|\bmidnight\b|夜晚|晚上|夜景|黑夜/i, apply: night },
  contrast: { words: /\bcontrast\b|\bdramatic\b|对比度|对比/i, apply: (image) => image.linear(1.5, -64) },
  vivid: {
    words: /\bvivid\b|\bvibrant\b|\bsaturat\w*|\bcolou?rful\b|鲜艳|饱和/i,
    apply: (image) => image.modulate({ saturation: 1.8 }),
  },
  sepia: {
    words:
      /\bsepia\b|\bvintage\b|\bretro\b|\b(?:like|into|as) an old photo|\blooks? old\b|\bnostalgi\w*|复古|怀旧|(?:成|像|为)老照片/i,
    apply: (image) =>
      image.recomb([
        [0.39, 0.77, 0.19],
        [0.35, 0.69, 0.17],
        [0.27, 0.53, 0.13],
      ]),
  },
  invert: {
    words: /\binvert\w*|\bnegative\b|反色|反转颜色|底片|负片/i,
    apply: (image) => image.negate({ alpha: false }),
  },
  painting: {
    words:
      /\bwatercolou?rs?\b|\boil[ -]paint\w*|\bpainting\b|\bpainterly\b|\bimpressionis\w*|\bvan gogh\b|\bmonet\b|水彩|油画|水墨|国画|梵高|莫奈|绘画/i,
    apply: painting,
  },
  cartoon: {
    words:
      /\bcartoon\w*|\banime\b|\bcomics?\b|\bmanga\b|\bpixar\b|\bghibli\b|\bpop art\b|卡通|动漫|漫画|动画|二次元|吉卜力/i,
    apply: cartoon,
  },
  snow: { words: /\bsnow(?:y|ing|fall)?\b|\bwinter\b|雪|冬天/i, apply: snow },
  rain: { words: /\brain(?:y|ing)?\b|下雨|雨天|雨中/i, apply: rain },
  sketch: {
    words: /\bsketch\w*|\bpencil\b|\bline[ -]?(?:art|drawing)\b|\bcharcoal\b|\bink drawing\b|素描|铅笔|线稿|速写|简笔/i,
    apply: sketch,
  },
  blackAndWhite: {
    words:
      /\bblack[ -]*(?:and|&)?[ -]*white\b|\bgr[ae]y ?scale\b|\bmonochrome\b|\bb&w\b|\bdesaturat\w*|黑白|灰度|单色/i,
    apply: (image) => image.grayscale().toColourspace('srgb'),
  },
} satisfies Record<string, { words: RegExp; apply: Filter }>

export type FilterName = keyof typeof filters

const names = Object.keys(filters).filter((name): name is FilterName => name in filters)

export const filtersIn = (clause: string): FilterName[] => names.filter((name) => filters[name].words.test(clause))

/** Whether something to add is an effect and no object: `add a pencil` is no sketch, `add a pencil effect` is. */
export const isEffect = (clause: string): boolean =>
  /\b(?:effect|look|style|filter|tones?|warmth|contrast|blur|snow|snowfall|rain|brightness|saturation|vibrance|colou?r|light|it)\b|效果|风格|滤镜|色调|对比度|亮度|饱和度|雪|雨|模糊/i.test(
    clause,
  ) &&
  (filtersIn(clause).length > 0 || /\b(?:warm|cool|warmth|colou?r)\b|暖|冷|色/i.test(clause))

/** A filter's result, as a PNG of the same size. */
export async function applyFilter(name: FilterName, image: Buffer, size: Size): Promise<Buffer> {
  return png(await filters[name].apply(sharp(image), size))
}
