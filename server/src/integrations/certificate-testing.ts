import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { onTestFinished } from 'vitest'

export interface TestCertificate {
  key: string
  cert: string
}

export interface TestAuthority {
  cert: string
  issue(name: string, validity?: { from: Date; to: Date }): TestCertificate
}

const oneHour = { from: new Date(Date.now() - 3_600_000), to: new Date(Date.now() + 3_600_000) }

/** A certificate authority of this test's own (X.509, ECDSA on P-256, RFC 5280). Nobody trusts it yet. */
export function createTestAuthority(): TestAuthority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issuer = distinguishedName('Test authority')
  const own = certificate({
    issuer,
    subject: issuer,
    publicKey,
    signer: privateKey,
    validity: oneHour,
    isAuthority: true,
  })
  return {
    cert: own,
    issue(name, validity = oneHour) {
      const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const cert = certificate({
        issuer,
        subject: distinguishedName(name),
        publicKey: pair.publicKey,
        signer: privateKey,
        validity,
        isAuthority: false,
        name,
      })
      return { cert, key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
    },
  }
}

/** As an operator does with NODE_EXTRA_CA_CERTS, until the end of this test. */
export function trust({ cert }: { cert: string }): void {
  const before = getCACertificates('default')
  setDefaultCACertificates([...before, cert])
  onTestFinished(() => setDefaultCACertificates(before))
}

interface Parts {
  issuer: Buffer
  subject: Buffer
  publicKey: KeyObject
  signer: KeyObject
  validity: { from: Date; to: Date }
  isAuthority: boolean
  name?: string
}

function certificate({ issuer, subject, publicKey, signer, validity, isAuthority, name }: Parts): string {
  const algorithm = sequence(oid('2a8648ce3d040302'))
  const extensions = [
    extension('551d13', sequence(...(isAuthority ? [der(0x01, Buffer.from([0xff]))] : []))),
    ...(name ? [extension('551d11', sequence(alternativeName(name)))] : []),
  ]
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    issuer,
    sequence(time(validity.from), time(validity.to)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  )
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, signer)]))
  const text = sequence(body, algorithm, signature).toString('base64')
  return `-----BEGIN CERTIFICATE-----\n${text.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const sequence = (...parts: Buffer[]) => der(0x30, Buffer.concat(parts))
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
const extension = (id: string, value: Buffer) => sequence(oid(id), der(0x04, value))
const distinguishedName = (name: string) => sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(name)))))
const time = (date: Date) => der(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`))
const alternativeName = (name: string) =>
  isIP(name) === 4 ? der(0x87, Buffer.from(name.split('.').map(Number))) : der(0x82, Buffer.from(name))
