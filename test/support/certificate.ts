import { generateKeyPairSync, sign } from 'node:crypto'

/** A self-signed certificate of this machine, valid for a day, and its key. PEM. */
export function createCertificate(): { certificate: string; key: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(objectId([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]))
  const name = sequence(element(0x31, sequence(objectId([0x55, 0x04, 0x03]), element(0x0c, Buffer.from('localhost')))))
  const validity = sequence(time(Date.now() - 3_600_000), time(Date.now() + 86_400_000))
  const names = sequence(element(0x82, Buffer.from('localhost')), element(0x87, Buffer.from([127, 0, 0, 1])))
  const extensions = sequence(
    sequence(objectId([0x55, 0x1d, 0x11]), element(0x04, names)),
    sequence(objectId([0x55, 0x1d, 0x13]), element(0x04, sequence(element(0x01, Buffer.from([0xff]))))),
  )
  const body = sequence(
    element(0xa0, element(0x02, Buffer.from([2]))),
    element(0x02, Buffer.from([1])),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    element(0xa3, extensions),
  )
  const signature = element(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, privateKey)]))
  const base64 = sequence(body, algorithm, signature).toString('base64').replaceAll(/.{64}/g, '$&\n')
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** ASN.1 in DER: tag, length, content. */
function element(tag: number, content: Buffer): Buffer {
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const sequence = (...parts: Buffer[]): Buffer => element(0x30, Buffer.concat(parts))
const objectId = (bytes: number[]): Buffer => element(0x06, Buffer.from(bytes))

/** As `YYMMDDhhmmssZ`. */
function time(at: number): Buffer {
  const digits = new Date(at).toISOString().replaceAll(/[^\d]/g, '')
  return element(0x17, Buffer.from(`${digits.slice(2, 14)}Z`))
}
