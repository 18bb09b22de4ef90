// Has every TLS client of this process trust a CA beside those that it trusts anyway, so that no SDK has to be told.
// NODE_EXTRA_CA_CERTS does the same, but is read when Node starts, and a suite's hub is younger than its process.
'use strict';

const tls = require('node:tls');

function trust(ca_pem) {
  if (tls.setDefaultCACertificates) {  // Node 22.19, 24.5
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), ca_pem]);
    return;
  }
  const { createSecureContext } = tls;
  tls.createSecureContext = (options) => {
    const made = createSecureContext(options);
    if (!options?.ca) made.context.addCACert(ca_pem);
    return made;
  };
}

module.exports = { trust };
