import type { Icon } from '../calls/types.ts'

/** Icons as `data:` URIs, which need no request. Every client that shows icons supports PNG. */
const icon = (png: string): readonly Icon[] => [
  { src: `data:image/png;base64,${png}`, mimeType: 'image/png', sizes: ['48x48'] },
]

/** A framed image. */
export const imageIcon = icon(
  'iVBORw0KGgoAAAANSUhEUgAAADAAAAAwBAMAAAClLOS0AAAAMFBMVEUKbL1MaXEKbL0IabgNb70Jbb8JbL3////81Ewxgb54rtuvs3De7Pahx+b1+fzB2u8ZWWAlAAAAB3RSTlP/AKwdJxzOd1+/MgAAAAlwSFlzAAALEwAACxMBAJqcGAAAALlJREFUOMtjEMQBGIaRhBEDGlCBSAgzYABDsIQQpoQiWEIAU4KRAgnOHd0TsErM6OjoxCqxo6OjG6tEBxCQJoHTKJyW43QuEKzCIcFZvgC7xLzyl9gljpfXTcAmwV9eXn4SSHMtQJO4DpSoAdLLq1AluMpB4AOQBhuIkFgOlqgF0S+RJTifgyXKb4EMnIAkMaccCRxAkjiOLFGPkOAvRwEX4BLXUSVqoRI4E5wIpkQgjkStOsxyLVYAAP9edOwpQAIvAAAAAElFTkSuQmCC',
)

/** A framed image with a pencil. */
export const pencilIcon = icon(
  'iVBORw0KGgoAAAANSUhEUgAAADAAAAAwBAMAAAClLOS0AAAAMFBMVEVMaXEJa70Ja7sKbL3/1Un/1Un/1EoKbL3/////1UqFoYM7h794rtvX5/SkyOe7uGrVAR/GAAAAB3RSTlMA8B6riIB/EVP6eAAAAAlwSFlzAAALEwAACxMBAJqcGAAAAOpJREFUOMvl0jEKwjAUxvFWEVc3V8ELiCfwGm4ewU7Btur6oLaTCHFyE08QHZzbwb0FD6CDJ3AySR+Y9LUHEL8l0B//0CGO8yvrTBpgum0IOMdk2GfmTpyXScv+7nOOSZtVA85nClwa7PRVXRocKOhgP6eggyOFMmAUyoACBhQwIBBgQMDHgMAaAxtujC0wsCCAlF0wsOAMkfyptyBQAAj8bMESAO7yDNMKPCXE8sw2NoSglqtTWJBpSNQZmRBAuZe6UBhwBWO5AYUJ8RdWYO2B4Op/NZawnlPz4NRGdU9UzhvUPmrmjZ0/2AczBCMTlwV1QQAAAABJRU5ErkJggg==',
)
