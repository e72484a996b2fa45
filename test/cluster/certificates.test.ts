import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { createAuthority } from './certificates.ts';

const authority = createAuthority('test-ca');
const serving = authority.issue({ commonName: 'server', hosts: ['127.0.0.1', 'localhost'], usage: 'server' });

describe('certificates', () => {
  test('the authority signs itself and its certificates', () => {
    const ca = new X509Certificate(authority.certPem);
    const certificate = new X509Certificate(serving.certPem);
    expect(ca.ca).toBe(true);
    expect(ca.checkIssued(ca)).toBe(true);
    expect(ca.verify(ca.publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.checkIssued(ca)).toBe(true);
    expect(certificate.verify(ca.publicKey)).toBe(true);
  });

  test('a certificate names its user, the groups and the hosts', () => {
    const { certPem } = authority.issue({
      commonName: 'anna',
      organizations: ['system:masters', 'b'],
      usage: 'client',
    });
    expect(new X509Certificate(certPem).subject).toBe('O=system:masters\nO=b\nCN=anna');
    expect(new X509Certificate(serving.certPem).subjectAltName).toBe('IP Address:127.0.0.1, DNS:localhost');
  });

  test('a server and a client trust each other by them', async () => {
    const client = authority.issue({ commonName: 'anna', usage: 'client' });
    const server = createServer({
      cert: serving.certPem,
      key: serving.keyPem,
      ca: authority.certPem,
      requestCert: true,
      rejectUnauthorized: true,
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const accepted = once(server, 'secureConnection');
    const { port } = server.address() as AddressInfo;
    const socket = connect({
      host: '127.0.0.1',
      port,
      ca: authority.certPem,
      cert: client.certPem,
      key: client.keyPem,
    });
    try {
      await once(socket, 'secureConnect');
      const [peer] = (await accepted) as [TLSSocket];
      expect(peer.getPeerCertificate().subject.CN).toBe('anna');
    } finally {
      socket.destroy();
      server.close();
    }
  });
});
