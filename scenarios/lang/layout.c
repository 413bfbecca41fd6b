/* SPDX-License-Identifier: MIT */
#include "layout.h"

#include <string.h>
#include <sys/ioctl.h>

#define FIELDS(array) (uint16_t)(sizeof(array) / sizeof((array)[0])), array

static const struct scn_field alloc_gref_fields[] = {
    {"domid", 0, 2, SCN_F_UINT, NULL},     {"flags", 2, 2, SCN_F_UINT, NULL},
    {"count", 4, 4, SCN_F_UINT, NULL},     {"index", 8, 8, SCN_F_UINT, NULL},
    {"gref_ids", 16, 4, SCN_F_TAIL, NULL},
};
static const struct scn_layout alloc_gref = {"ioctl_gntalloc_alloc_gref", 24,
					     FIELDS(alloc_gref_fields)};

static const struct scn_field dealloc_gref_fields[] = {
    {"index", 0, 8, SCN_F_UINT, NULL},
    {"count", 8, 4, SCN_F_UINT, NULL},
};
static const struct scn_layout dealloc_gref = {"ioctl_gntalloc_dealloc_gref", 16,
					       FIELDS(dealloc_gref_fields)};

static const struct scn_field unmap_notify_fields[] = {
    {"index", 0, 8, SCN_F_UINT, NULL},
    {"action", 8, 4, SCN_F_UINT, NULL},
    {"event_channel_port", 12, 4, SCN_F_UINT, NULL},
};
static const struct scn_layout unmap_notify = {"ioctl_gntdev_unmap_notify", 16,
					       FIELDS(unmap_notify_fields)};

static const struct scn_field grant_ref_fields[] = {
    {"domid", 0, 4, SCN_F_UINT, NULL},
    {"ref", 4, 4, SCN_F_UINT, NULL},
};
static const struct scn_layout grant_ref = {"ioctl_gntdev_grant_ref", 8, FIELDS(grant_ref_fields)};

static const struct scn_field map_grant_ref_fields[] = {
    {"count", 0, 4, SCN_F_UINT, NULL},
    {"pad", 4, 4, SCN_F_UINT, NULL},
    {"index", 8, 8, SCN_F_UINT, NULL},
    {"refs", 16, 8, SCN_F_TAIL, &grant_ref},
};
static const struct scn_layout map_grant_ref = {"ioctl_gntdev_map_grant_ref", 24,
						FIELDS(map_grant_ref_fields)};

static const struct scn_field unmap_grant_ref_fields[] = {
    {"index", 0, 8, SCN_F_UINT, NULL},
    {"count", 8, 4, SCN_F_UINT, NULL},
    {"pad", 12, 4, SCN_F_UINT, NULL},
};
static const struct scn_layout unmap_grant_ref = {"ioctl_gntdev_unmap_grant_ref", 16,
						  FIELDS(unmap_grant_ref_fields)};

static const struct scn_field offset_for_vaddr_fields[] = {
    {"vaddr", 0, 8, SCN_F_UINT, NULL},
    {"offset", 8, 8, SCN_F_UINT, NULL},
    {"count", 16, 4, SCN_F_UINT, NULL},
    {"pad", 20, 4, SCN_F_UINT, NULL},
};
static const struct scn_layout offset_for_vaddr = {"ioctl_gntdev_get_offset_for_vaddr", 24,
						   FIELDS(offset_for_vaddr_fields)};

static const struct scn_field set_max_grants_fields[] = {{"count", 0, 4, SCN_F_UINT, NULL}};
static const struct scn_layout set_max_grants = {"ioctl_gntdev_set_max_grants", 4,
						 FIELDS(set_max_grants_fields)};

static const struct scn_field foreign_fields[] = {
    {"ref", 0, 4, SCN_F_UINT, NULL},
    {"offset", 4, 2, SCN_F_UINT, NULL},
    {"domid", 6, 2, SCN_F_UINT, NULL},
};
static const struct scn_layout foreign = {"foreign", 8, FIELDS(foreign_fields)};

static const struct scn_field copy_side_fields[] = {
    {"virt", 0, 8, SCN_F_UINT, NULL},
    {"foreign", 0, 8, SCN_F_STRUCT, &foreign},
};
static const struct scn_layout copy_side = {"side of a copy", 8, FIELDS(copy_side_fields)};

static const struct scn_field copy_segment_fields[] = {
    {"source", 0, 8, SCN_F_STRUCT, &copy_side}, {"dest", 8, 8, SCN_F_STRUCT, &copy_side},
    {"len", 16, 2, SCN_F_UINT, NULL},           {"flags", 18, 2, SCN_F_UINT, NULL},
    {"status", 20, 2, SCN_F_SINT, NULL},
};
static const struct scn_layout copy_segment = {"gntdev_grant_copy_segment", 24,
					       FIELDS(copy_segment_fields)};

static const struct scn_field grant_copy_fields[] = {
    {"count", 0, 4, SCN_F_UINT, NULL},
    {"segments", 8, 24, SCN_F_POINTER, &copy_segment},
};
static const struct scn_layout grant_copy = {"ioctl_gntdev_grant_copy", 16,
					     FIELDS(grant_copy_fields)};

static const struct scn_field exp_from_refs_fields[] = {
    {"flags", 0, 4, SCN_F_UINT, NULL}, {"count", 4, 4, SCN_F_UINT, NULL},
    {"fd", 8, 4, SCN_F_UINT, NULL},    {"domid", 12, 4, SCN_F_UINT, NULL},
    {"refs", 16, 4, SCN_F_TAIL, NULL},
};
static const struct scn_layout exp_from_refs = {"ioctl_gntdev_dmabuf_exp_from_refs", 20,
						FIELDS(exp_from_refs_fields)};

static const struct scn_field exp_from_refs_v2_fields[] = {
    {"flags", 0, 4, SCN_F_UINT, NULL},    {"count", 4, 4, SCN_F_UINT, NULL},
    {"data_ofs", 8, 4, SCN_F_UINT, NULL}, {"fd", 12, 4, SCN_F_UINT, NULL},
    {"domid", 16, 4, SCN_F_UINT, NULL},   {"refs", 20, 4, SCN_F_TAIL, NULL},
};
static const struct scn_layout exp_from_refs_v2 = {"ioctl_gntdev_dmabuf_exp_from_refs_v2", 24,
						   FIELDS(exp_from_refs_v2_fields)};

static const struct scn_field wait_released_fields[] = {
    {"fd", 0, 4, SCN_F_UINT, NULL},
    {"wait_to_ms", 4, 4, SCN_F_UINT, NULL},
};
static const struct scn_layout wait_released = {"ioctl_gntdev_dmabuf_exp_wait_released", 8,
						FIELDS(wait_released_fields)};

static const struct scn_field imp_to_refs_fields[] = {
    {"fd", 0, 4, SCN_F_UINT, NULL},    {"count", 4, 4, SCN_F_UINT, NULL},
    {"domid", 8, 4, SCN_F_UINT, NULL}, {"reserved", 12, 4, SCN_F_UINT, NULL},
    {"refs", 16, 4, SCN_F_TAIL, NULL},
};
static const struct scn_layout imp_to_refs = {"ioctl_gntdev_dmabuf_imp_to_refs", 20,
					      FIELDS(imp_to_refs_fields)};

static const struct scn_field imp_to_refs_v2_fields[] = {
    {"fd", 0, 4, SCN_F_UINT, NULL},        {"count", 4, 4, SCN_F_UINT, NULL},
    {"domid", 8, 4, SCN_F_UINT, NULL},     {"reserved", 12, 4, SCN_F_UINT, NULL},
    {"data_ofs", 16, 4, SCN_F_UINT, NULL}, {"refs", 20, 4, SCN_F_TAIL, NULL},
};
static const struct scn_layout imp_to_refs_v2 = {"ioctl_gntdev_dmabuf_imp_to_refs_v2", 24,
						 FIELDS(imp_to_refs_v2_fields)};

static const struct scn_field imp_release_fields[] = {
    {"fd", 0, 4, SCN_F_UINT, NULL},
    {"reserved", 4, 4, SCN_F_UINT, NULL},
};
static const struct scn_layout imp_release = {"ioctl_gntdev_dmabuf_imp_release", 8,
					      FIELDS(imp_release_fields)};

static const struct scn_field bind_virq_fields[] = {{"virq", 0, 4, SCN_F_UINT, NULL}};
static const struct scn_layout bind_virq = {"ioctl_evtchn_bind_virq", 4, FIELDS(bind_virq_fields)};

static const struct scn_field bind_interdomain_fields[] = {
    {"remote_domain", 0, 4, SCN_F_UINT, NULL},
    {"remote_port", 4, 4, SCN_F_UINT, NULL},
};
static const struct scn_layout bind_interdomain = {"ioctl_evtchn_bind_interdomain", 8,
						   FIELDS(bind_interdomain_fields)};

static const struct scn_field bind_unbound_fields[] = {{"remote_domain", 0, 4, SCN_F_UINT, NULL}};
static const struct scn_layout bind_unbound = {"ioctl_evtchn_bind_unbound_port", 4,
					       FIELDS(bind_unbound_fields)};

static const struct scn_field port_fields[] = {{"port", 0, 4, SCN_F_UINT, NULL}};
static const struct scn_layout port = {"ioctl_evtchn_notify", 4, FIELDS(port_fields)};

static const struct scn_field restrict_fields[] = {{"domid", 0, 2, SCN_F_UINT, NULL}};
static const struct scn_layout restrict_domid = {"ioctl_evtchn_restrict_domid", 2,
						 FIELDS(restrict_fields)};

/* The size is said again: for clang a constant's member is no constant expression. */
#define G(nr, layout, size) _IOC(_IOC_NONE, 'G', nr, size), &layout
#define E(nr, layout, size) _IOC(_IOC_NONE, 'E', nr, size), &layout

static const struct scn_ioctl ioctls[] = {
    {"IOCTL_GNTALLOC_ALLOC_GREF", G(5u, alloc_gref, 24u)},
    {"IOCTL_GNTALLOC_DEALLOC_GREF", G(6u, dealloc_gref, 16u)},
    {"IOCTL_GNTALLOC_SET_UNMAP_NOTIFY", G(7u, unmap_notify, 16u)},
    {"IOCTL_GNTDEV_MAP_GRANT_REF", G(0u, map_grant_ref, 24u)},
    {"IOCTL_GNTDEV_UNMAP_GRANT_REF", G(1u, unmap_grant_ref, 16u)},
    {"IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR", G(2u, offset_for_vaddr, 24u)},
    {"IOCTL_GNTDEV_SET_MAX_GRANTS", G(3u, set_max_grants, 4u)},
    {"IOCTL_GNTDEV_SET_UNMAP_NOTIFY", G(7u, unmap_notify, 16u)},
    {"IOCTL_GNTDEV_GRANT_COPY", G(8u, grant_copy, 16u)},
    {"IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS", G(9u, exp_from_refs, 20u)},
    {"IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED", G(10u, wait_released, 8u)},
    {"IOCTL_GNTDEV_DMABUF_IMP_TO_REFS", G(11u, imp_to_refs, 20u)},
    {"IOCTL_GNTDEV_DMABUF_IMP_RELEASE", G(12u, imp_release, 8u)},
    {"IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS_V2", G(13u, exp_from_refs_v2, 24u)},
    {"IOCTL_GNTDEV_DMABUF_IMP_TO_REFS_V2", G(14u, imp_to_refs_v2, 24u)},
    {"IOCTL_EVTCHN_BIND_VIRQ", E(0u, bind_virq, 4u)},
    {"IOCTL_EVTCHN_BIND_INTERDOMAIN", E(1u, bind_interdomain, 8u)},
    {"IOCTL_EVTCHN_BIND_UNBOUND_PORT", E(2u, bind_unbound, 4u)},
    {"IOCTL_EVTCHN_UNBIND", E(3u, port, 4u)},
    {"IOCTL_EVTCHN_NOTIFY", E(4u, port, 4u)},
    {"IOCTL_EVTCHN_RESET", _IOC(_IOC_NONE, 'E', 5u, 0u), NULL},
    {"IOCTL_EVTCHN_RESTRICT_DOMID", E(6u, restrict_domid, 2u)},
    {"IOCTL_EVTCHN_BIND_STATIC", E(7u, port, 4u)},
};

uint32_t scn_ioctl_count(void)
{
	return sizeof(ioctls) / sizeof(ioctls[0]);
}

const struct scn_ioctl *scn_ioctl_nth(uint32_t n)
{
	return &ioctls[n];
}

const struct scn_ioctl *scn_ioctl_by_name(struct scn_str name)
{
	for (size_t i = 0; i < sizeof(ioctls) / sizeof(ioctls[0]); i++) {
		if (scn_str_is(name, ioctls[i].name))
			return &ioctls[i];
	}
	return NULL;
}

const struct scn_ioctl *scn_ioctl_by_number(uint64_t number)
{
	for (size_t i = 0; i < sizeof(ioctls) / sizeof(ioctls[0]); i++) {
		if (ioctls[i].number == number)
			return &ioctls[i];
	}
	return NULL;
}

const struct scn_ioctl *scn_ioctl_on(uint64_t number, bool gntdev)
{
	static const char own[] = "IOCTL_GNTDEV_SET_UNMAP_NOTIFY";
	const struct scn_ioctl *known = scn_ioctl_by_number(number);

	if (known && gntdev && !strcmp(known->name, "IOCTL_GNTALLOC_SET_UNMAP_NOTIFY"))
		return scn_ioctl_by_name((struct scn_str){own, sizeof(own) - 1});
	return known;
}

const struct scn_field *scn_field_find(const struct scn_layout *layout, struct scn_str name)
{
	for (uint16_t i = 0; i < layout->n_fields; i++) {
		if (scn_str_is(name, layout->fields[i].name))
			return &layout->fields[i];
	}
	return NULL;
}

void scn_layout_describe(const struct scn_layout *layout, struct scn_buf *out)
{
	for (uint16_t i = 0; i < layout->n_fields; i++)
		scn_buf_printf(out, "%s%s", i ? ", " : "", layout->fields[i].name);
}
