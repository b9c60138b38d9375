/* SPDX-License-Identifier: MIT */
/*
 * Stand-ins for the GSSAPI functions that Debian's libssh.a refers to; there is no static library of them. They are
 * reachable before authentication: a client may ask for gssapi-with-mic although it was never offered. So
 * they answer as a GSSAPI without any mechanism does: sets are valid and empty, everything else fails
 * cleanly and clears its results. The types repeat the ABI of RFC 2744 on amd64, no header is needed.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

typedef uint32_t gss_status;

struct gss_oid {
	uint32_t length;
	void *elements;
};

struct gss_oid_set {
	size_t count;
	struct gss_oid *elements;
};

struct gss_buffer {
	size_t length;
	void *value;
};

#define GSS_DONE ((gss_status)0)
#define GSS_BAD_MECH ((gss_status)1 << 16)
#define GSS_NO_CRED ((gss_status)7 << 16)
#define GSS_FAILURE ((gss_status)13 << 16)
#define GSS_UNAVAILABLE ((gss_status)16 << 16)

extern struct gss_oid *GSS_C_NT_HOSTBASED_SERVICE;
extern struct gss_oid *GSS_C_NT_USER_NAME;

static struct gss_oid service_name = { 10, (void *)"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04" };
static struct gss_oid user_name = { 10, (void *)"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x01" };
struct gss_oid *GSS_C_NT_HOSTBASED_SERVICE = &service_name;
struct gss_oid *GSS_C_NT_USER_NAME = &user_name;

/* libssh calls these by the prototypes of RFC 2744; ours only have to agree in the registers used. */
#define STUB __attribute__((used))

static gss_status empty_set(gss_status *minor, struct gss_oid_set **ret)
{
	*minor = 0;
	if (!ret)
		return GSS_FAILURE;
	*ret = calloc(1, sizeof(**ret));
	return *ret ? GSS_DONE : GSS_FAILURE;
}

static void clear_buffer(struct gss_buffer *b)
{
	if (b)
		*b = (struct gss_buffer){ 0 };
}

gss_status gss_indicate_mechs(gss_status *minor, struct gss_oid_set **ret);
STUB gss_status gss_indicate_mechs(gss_status *minor, struct gss_oid_set **ret)
{
	return empty_set(minor, ret);
}

gss_status gss_create_empty_oid_set(gss_status *minor, struct gss_oid_set **ret);
STUB gss_status gss_create_empty_oid_set(gss_status *minor, struct gss_oid_set **ret)
{
	return empty_set(minor, ret);
}

gss_status gss_release_oid_set(gss_status *minor, struct gss_oid_set **set);
STUB gss_status gss_release_oid_set(gss_status *minor, struct gss_oid_set **set)
{
	*minor = 0;
	if (set && *set) {
		free(*set); /* always empty, see above */
		*set = NULL;
	}
	return GSS_DONE;
}

gss_status gss_add_oid_set_member(gss_status *minor, struct gss_oid *oid, struct gss_oid_set **set);
STUB gss_status gss_add_oid_set_member(gss_status *minor, struct gss_oid *oid,
				       struct gss_oid_set **set)
{
	(void)oid, (void)set;
	*minor = 0;
	return GSS_BAD_MECH;
}

gss_status gss_test_oid_set_member(gss_status *minor, struct gss_oid *oid, struct gss_oid_set *set,
				   int *ret_present);
STUB gss_status gss_test_oid_set_member(gss_status *minor, struct gss_oid *oid,
					struct gss_oid_set *set, int *ret_present)
{
	(void)oid, (void)set;
	*minor = 0;
	*ret_present = 0;
	return GSS_DONE;
}

gss_status gss_import_name(gss_status *minor, struct gss_buffer *text, struct gss_oid *type,
			   void **ret_name);
STUB gss_status gss_import_name(gss_status *minor, struct gss_buffer *text, struct gss_oid *type,
				void **ret_name)
{
	(void)text, (void)type;
	*minor = 0;
	*ret_name = NULL;
	return GSS_UNAVAILABLE;
}

gss_status gss_release_name(gss_status *minor, void **name);
STUB gss_status gss_release_name(gss_status *minor, void **name)
{
	*minor = 0;
	if (name)
		*name = NULL;
	return GSS_DONE;
}

gss_status gss_display_name(gss_status *minor, void *name, struct gss_buffer *ret_text,
			    struct gss_oid **ret_type);
STUB gss_status gss_display_name(gss_status *minor, void *name, struct gss_buffer *ret_text,
				 struct gss_oid **ret_type)
{
	(void)name;
	*minor = 0;
	clear_buffer(ret_text);
	if (ret_type)
		*ret_type = NULL;
	return GSS_UNAVAILABLE;
}

gss_status gss_display_status(gss_status *minor, gss_status value, int type, struct gss_oid *mech,
			      gss_status *context, struct gss_buffer *ret_text);
STUB gss_status gss_display_status(gss_status *minor, gss_status value, int type,
				   struct gss_oid *mech, gss_status *context,
				   struct gss_buffer *ret_text)
{
	(void)value, (void)type, (void)mech;
	*minor = 0;
	/* libssh prints the text without looking at the result: it must be one, and freeable. */
	if (context)
		*context = 0;
	ret_text->length = 0;
	ret_text->value = calloc(1, 1);
	return GSS_DONE;
}

gss_status gss_release_buffer(gss_status *minor, struct gss_buffer *b);
STUB gss_status gss_release_buffer(gss_status *minor, struct gss_buffer *b)
{
	*minor = 0;
	if (b) {
		free(b->value);
		clear_buffer(b);
	}
	return GSS_DONE;
}

gss_status gss_acquire_cred(gss_status *minor, void *name, uint32_t lifetime,
			    struct gss_oid_set *mechs, int usage, void **ret_cred,
			    struct gss_oid_set **ret_mechs, uint32_t *ret_lifetime);
STUB gss_status gss_acquire_cred(gss_status *minor, void *name, uint32_t lifetime,
				 struct gss_oid_set *mechs, int usage, void **ret_cred,
				 struct gss_oid_set **ret_mechs, uint32_t *ret_lifetime)
{
	(void)name, (void)lifetime, (void)mechs, (void)usage;
	*minor = 0;
	*ret_cred = NULL;
	if (ret_mechs)
		*ret_mechs = NULL;
	if (ret_lifetime)
		*ret_lifetime = 0;
	return GSS_NO_CRED;
}

gss_status gss_release_cred(gss_status *minor, void **cred);
STUB gss_status gss_release_cred(gss_status *minor, void **cred)
{
	*minor = 0;
	if (cred)
		*cred = NULL;
	return GSS_DONE;
}

gss_status gss_inquire_cred(gss_status *minor, void *cred, void **ret_name, uint32_t *ret_lifetime,
			    int *ret_usage, struct gss_oid_set **ret_mechs);
STUB gss_status gss_inquire_cred(gss_status *minor, void *cred, void **ret_name,
				 uint32_t *ret_lifetime, int *ret_usage,
				 struct gss_oid_set **ret_mechs)
{
	(void)cred, (void)ret_lifetime, (void)ret_usage;
	*minor = 0;
	if (ret_name)
		*ret_name = NULL;
	if (ret_mechs)
		*ret_mechs = NULL;
	return GSS_NO_CRED;
}

gss_status gss_inquire_cred_by_mech(gss_status *minor, void *cred, struct gss_oid *mech,
				    void **ret_name, uint32_t *ret_initiator,
				    uint32_t *ret_acceptor, int *ret_usage);
STUB gss_status gss_inquire_cred_by_mech(gss_status *minor, void *cred, struct gss_oid *mech,
					 void **ret_name, uint32_t *ret_initiator,
					 uint32_t *ret_acceptor, int *ret_usage)
{
	(void)cred, (void)mech, (void)ret_initiator, (void)ret_acceptor, (void)ret_usage;
	*minor = 0;
	if (ret_name)
		*ret_name = NULL;
	return GSS_NO_CRED;
}

/* The three below have nothing to work on, because no context can come to exist. */
gss_status gss_init_sec_context(gss_status *minor);
STUB gss_status gss_init_sec_context(gss_status *minor)
{
	*minor = 0;
	return GSS_UNAVAILABLE;
}

gss_status gss_accept_sec_context(gss_status *minor);
STUB gss_status gss_accept_sec_context(gss_status *minor)
{
	*minor = 0;
	return GSS_UNAVAILABLE;
}

gss_status gss_verify_mic(gss_status *minor);
STUB gss_status gss_verify_mic(gss_status *minor)
{
	*minor = 0;
	return GSS_UNAVAILABLE;
}

gss_status gss_get_mic(gss_status *minor, void *context, uint32_t qop, struct gss_buffer *message,
		       struct gss_buffer *ret_token);
STUB gss_status gss_get_mic(gss_status *minor, void *context, uint32_t qop,
			    struct gss_buffer *message, struct gss_buffer *ret_token)
{
	(void)context, (void)qop, (void)message;
	*minor = 0;
	clear_buffer(ret_token);
	return GSS_UNAVAILABLE;
}
