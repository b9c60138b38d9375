/* SPDX-License-Identifier: MIT */
/*
 * Stand-ins for parts of libcrypto that SSH never asks for (a tenth of the static binary): ciphers, digests and key
 * derivations that no key exchange, cipher, MAC or key format of libssh names. OpenSSL's default provider lists each
 * algorithm by a table of functions; a method whose table is empty is never made, so such a name is unknown, as in a
 * library built without it. Only the static link takes them: with -u crypto_stand_ins they are there before libcrypto
 * is searched (Makefile). Declarations as in OpenSSL 3's providers/implementations/include/prov.
 */
#include <openssl/core_dispatch.h>
#include <openssl/evp.h>

#include "base/crypto_stubs.h"

/* clang-format off */
#define NONE(name)                                        \
	extern const OSSL_DISPATCH ossl_##name##_functions[]; \
	const OSSL_DISPATCH ossl_##name##_functions[] = { { 0, NULL } };
#define NONE_OF(cipher, mode) NONE(cipher##128##mode) NONE(cipher##192##mode) NONE(cipher##256##mode)
#define NONE_BLOCK(cipher)                                                              \
	NONE_OF(cipher, ecb) NONE_OF(cipher, cbc) NONE_OF(cipher, ofb) NONE_OF(cipher, cfb) \
	NONE_OF(cipher, cfb1) NONE_OF(cipher, cfb8) NONE_OF(cipher, ctr)

NONE_BLOCK(aria) NONE_OF(aria, gcm) NONE_OF(aria, ccm)
NONE_BLOCK(camellia) NONE_OF(camellia, cbc_cts)
NONE(sm4128ecb) NONE(sm4128cbc) NONE(sm4128ctr) NONE(sm4128ofb128) NONE(sm4128cfb128)
NONE_OF(aes, siv) NONE_OF(aes, ocb) NONE_OF(aes, ccm)
NONE_OF(aes, wrap) NONE_OF(aes, wrapinv) NONE_OF(aes, wrappad) NONE_OF(aes, wrappadinv)
NONE(aes128xts) NONE(aes256xts)
/* cipher and MAC in one for TLS, with code for eight messages at once */
NONE(aes128cbc_hmac_sha1) NONE(aes256cbc_hmac_sha1) NONE(aes128cbc_hmac_sha256) NONE(aes256cbc_hmac_sha256)
NONE(sm3) NONE(blake2b512) NONE(blake2s256) NONE(ripemd160)
NONE(keccak_kmac_128) NONE(keccak_kmac_256)
NONE(sha3_224) NONE(sha3_256) NONE(sha3_384) NONE(sha3_512) NONE(shake_128) NONE(shake_256)
NONE(blake2bmac) NONE(blake2smac) NONE(kmac128) NONE(kmac256) NONE(siphash) NONE(gmac)
NONE(kdf_krb5kdf) NONE(kdf_pkcs12) NONE(kdf_scrypt) NONE(kdf_sskdf) NONE(kdf_x963_kdf) NONE(kdf_tls1_prf)
NONE(kdf_x942_kdf) NONE(kdf_kbkdf)
NONE(sm2_signature) NONE(sm2_asym_cipher)

int ossl_cipher_capable_aes_cbc_hmac_sha1(void);
/* clang-format on */
int ossl_cipher_capable_aes_cbc_hmac_sha256(void);
int ossl_prov_get_capabilities(void *ctx, const char *capability, OSSL_CALLBACK *cb, void *arg);
void openssl_add_all_ciphers_int(void);
void openssl_add_all_digests_int(void);

const char crypto_stand_ins = 1;

int ossl_cipher_capable_aes_cbc_hmac_sha1(void)
{
	return 0;
}

int ossl_cipher_capable_aes_cbc_hmac_sha256(void)
{
	return 0;
}

/* Groups and signatures for TLS. */
int ossl_prov_get_capabilities(void *ctx, const char *capability, OSSL_CALLBACK *cb, void *arg)
{
	(void)ctx;
	(void)capability;
	(void)cb;
	(void)arg;
	return 0;
}

/* What libssh uses by its function; the names are for keys in PEM form. */
void openssl_add_all_ciphers_int(void)
{
	EVP_add_cipher(EVP_des_ede3_cbc());
	EVP_add_cipher(EVP_aes_128_cbc());
	EVP_add_cipher(EVP_aes_128_ctr());
	EVP_add_cipher(EVP_aes_128_gcm());
	EVP_add_cipher(EVP_aes_192_cbc());
	EVP_add_cipher(EVP_aes_192_ctr());
	EVP_add_cipher(EVP_aes_256_cbc());
	EVP_add_cipher(EVP_aes_256_ctr());
	EVP_add_cipher(EVP_aes_256_gcm());
	EVP_add_cipher(EVP_chacha20());
}

void openssl_add_all_digests_int(void)
{
	EVP_add_digest(EVP_md5());
	EVP_add_digest(EVP_sha1());
	EVP_add_digest(EVP_sha224());
	EVP_add_digest(EVP_sha256());
	EVP_add_digest(EVP_sha384());
	EVP_add_digest(EVP_sha512());
}
