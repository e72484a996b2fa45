import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';
import {
  bitString,
  boolean,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  tagged,
  taggedBytes,
  utcTime,
  utf8String,
} from './der.ts';

/** A certificate or a public key, and its private key, both as PEM. */
export interface PemPair {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface CertificateRequest {
  readonly commonName: string;
  /** Groups of a Kubernetes user. */
  readonly organizations?: readonly string[];
  /** DNS names and IPv4 addresses that a server answers to. */
  readonly hosts?: readonly string[];
  readonly usage: 'client' | 'server';
}

/** A certificate authority that lives as long as the test that made it. */
export interface CertificateAuthority {
  readonly certPem: string;
  issue(request: CertificateRequest): PemPair;
}

const OID = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
// X.509 versions count from zero.
const VERSION_3 = tagged(0, integer(Buffer.from([2])));
const SIGNATURE_ALGORITHM = sequence(objectIdentifier(OID.ecdsaWithSha256));

export function createAuthority(commonName: string): CertificateAuthority {
  const keys = newKeys();
  const issuer = distinguishedName(commonName, []);
  const issuerKeyId = keyIdentifier(keys.publicKey);
  const signed = (subject: Buffer, publicKey: KeyObject, extensions: readonly Buffer[]): string => {
    const now = Date.now();
    const body = sequence(
      VERSION_3,
      integer(randomBytes(16)),
      SIGNATURE_ALGORITHM,
      issuer,
      // Clocks of a virtual machine may step back.
      sequence(utcTime(new Date(now - 5 * MINUTE)), utcTime(new Date(now + 365 * DAY))),
      subject,
      publicKey.export({ type: 'spki', format: 'der' }),
      tagged(3, sequence(...extensions, extension(OID.subjectKeyIdentifier, octetString(keyIdentifier(publicKey))))),
    );
    return certificatePem(sequence(body, SIGNATURE_ALGORITHM, bitString(sign('sha256', body, keys.privateKey))));
  };
  return {
    certPem: signed(issuer, keys.publicKey, authorityExtensions()),
    issue: (request) => {
      const { privateKey, publicKey } = newKeys();
      const subject = distinguishedName(request.commonName, request.organizations ?? []);
      return {
        certPem: signed(subject, publicKey, leafExtensions(request, issuerKeyId)),
        keyPem: privateKeyPem(privateKey),
      };
    },
  };
}

/** Keys for service account tokens (ES256): `certPem` holds the bare public key. */
export function createTokenKeys(): PemPair {
  const { privateKey } = newKeys();
  const publicPem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' });
  return { certPem: publicPem.toString(), keyPem: privateKeyPem(privateKey) };
}

function authorityExtensions(): Buffer[] {
  const certificateSignAndCrlSign = bitString(Buffer.from([0b0000_0110]), 1);
  return [
    extension(OID.basicConstraints, sequence(boolean(true)), 'critical'),
    extension(OID.keyUsage, certificateSignAndCrlSign, 'critical'),
  ];
}

function leafExtensions({ usage, hosts = [] }: CertificateRequest, issuerKeyId: Buffer): Buffer[] {
  const digitalSignature = bitString(Buffer.from([0b1000_0000]), 7);
  const purpose = usage === 'server' ? OID.serverAuth : OID.clientAuth;
  const extensions = [
    extension(OID.basicConstraints, sequence(), 'critical'),
    extension(OID.keyUsage, digitalSignature, 'critical'),
    extension(OID.extendedKeyUsage, sequence(objectIdentifier(purpose))),
    extension(OID.authorityKeyIdentifier, sequence(taggedBytes(0, issuerKeyId))),
  ];
  if (hosts.length > 0) extensions.push(extension(OID.subjectAltName, sequence(...hosts.map(generalName))));
  return extensions;
}

function generalName(host: string): Buffer {
  return isIPv4(host)
    ? taggedBytes(7, Buffer.from(host.split('.').map(Number)))
    : taggedBytes(2, Buffer.from(host, 'ascii'));
}

function extension(oid: string, value: Buffer, critical?: 'critical'): Buffer {
  const flag = critical === undefined ? [] : [boolean(true)];
  return sequence(objectIdentifier(oid), ...flag, octetString(value));
}

function distinguishedName(commonName: string, organizations: readonly string[]): Buffer {
  return sequence(
    ...organizations.map((name) => namePart(OID.organization, name)),
    namePart(OID.commonName, commonName),
  );
}

function namePart(oid: string, text: string): Buffer {
  return set(sequence(objectIdentifier(oid), utf8String(text)));
}

function keyIdentifier(publicKey: KeyObject): Buffer {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 20);
}

function newKeys(): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function privateKeyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function certificatePem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
