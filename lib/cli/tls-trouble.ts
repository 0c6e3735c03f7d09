interface TlsTrouble {
  readonly got: string;
  readonly mend: string;
}

const PUBLIC_AUTHORITY =
  "Get one of a public authority, such as Let's Encrypt. (To try the rest before you have it, let Node.js trust yours: NODE_EXTRA_CA_CERTS=<file> before the command.)";

const SELF_SIGNED: TlsTrouble = {
  got: 'the certificate is signed by nobody but itself or its own authority',
  mend: PUBLIC_AUTHORITY,
};

const TROUBLES: Readonly<Record<string, TlsTrouble>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: SELF_SIGNED,
  SELF_SIGNED_CERT_IN_CHAIN: SELF_SIGNED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: {
    got: 'who signed the certificate is not known',
    mend: `Let the server send the certificates between its own and the authority's too (fullchain.pem, not cert.pem). ${PUBLIC_AUTHORITY}`,
  },
  UNABLE_TO_GET_ISSUER_CERT: {
    got: 'who signed the certificate is not known',
    mend: PUBLIC_AUTHORITY,
  },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: {
    got: 'who signed the certificate is not known',
    mend: PUBLIC_AUTHORITY,
  },
  CERT_HAS_EXPIRED: {
    got: 'the certificate has expired',
    mend: 'Renew it, and let a timer do so from now on.',
  },
  CERT_NOT_YET_VALID: {
    got: 'the certificate is not valid yet',
    mend: 'Look at the clocks of both machines.',
  },
  CERT_REVOKED: {
    got: 'the certificate was revoked',
    mend: 'Get a new one.',
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    got: 'the certificate is that of another host name',
    mend: 'Give Xenioo the URL with the name in the certificate, or get a certificate for this name.',
  },
};

/** What is wrong with a certificate, by the code of Node.js; `undefined` for codes of other troubles. */
export function tlsTroubleOf(code: number | string): TlsTrouble | undefined {
  return TROUBLES[code];
}
