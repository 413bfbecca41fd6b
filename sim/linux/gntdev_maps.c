/* SPDX-License-Identifier: MIT */
/*
 * The maps of a gntdev file, in a tree by index that knows the widest gap below each node. The
 * driver's list gives a new map the first gap that is strictly wider than its count.
 */
#include "model.h"

/* Where offsets, which the driver computes in an int, stop being the index times a page. */
#define SANE_PAGES (1u << (31 - GNTSIM_PAGE_SHIFT))

static struct map *map_of(struct tree_node *node)
{
	return node ? container_of(node, struct map, node) : NULL;
}

bool gs_map_summarise(struct tree_node *node)
{
	struct map *map = map_of(node);
	const struct map *l = map_of(node->left), *r = map_of(node->right);
	uint32_t before = map->max_gap;

	map->max_gap = map->gap;
	if (l && l->max_gap > map->max_gap)
		map->max_gap = l->max_gap;
	if (r && r->max_gap > map->max_gap)
		map->max_gap = r->max_gap;
	return map->max_gap != before;
}

/* The first map with a gap before it that is strictly wider than count. */
static struct map *first_fit(const struct gntdev_file *priv, uint32_t count)
{
	struct map *map = map_of(priv->maps.root);

	if (!map || map->max_gap <= count)
		return NULL;
	for (;;) {
		struct map *l = map_of(map->node.left);

		if (l && l->max_gap > count)
			map = l;
		else if (map->gap > count)
			return map;
		else
			map = map_of(map->node.right);
	}
}

void gs_map_add(struct map *map)
{
	struct gntdev_file *priv = &map->file->u.gntdev;
	struct map *after = first_fit(priv, map->count);
	struct tree_node *parent, **link;

	if (after) {
		map->index = after->index - after->gap;
		after->gap -= map->count;
		parent = &after->node;
		link = &after->node.left;
		if (*link) {
			parent = gs_tree_prev(&after->node);
			link = &parent->right;
		}
		gs_tree_changed(&priv->maps, &after->node);
	} else {
		struct map *last = map_of(gs_tree_last(&priv->maps));

		map->index = last ? last->index + last->count : 0;
		parent = last ? &last->node : NULL;
		link = last ? &last->node.right : &priv->maps.root;
	}
	map->listed = true;
	gs_tree_insert(&priv->maps, parent, link, &map->node);
}

void gs_map_unlist(struct map *map)
{
	struct gntdev_file *priv = &map->file->u.gntdev;
	bool is_last = gs_tree_last(&priv->maps) == &map->node;
	struct map *next = is_last ? NULL : map_of(gs_tree_next(&map->node));

	gs_tree_remove(&priv->maps, &map->node);
	map->listed = false;
	if (next) {
		next->gap += map->gap + map->count;
		gs_tree_changed(&priv->maps, &next->node);
	}
}

struct map *gs_map_first(const struct gntdev_file *priv)
{
	return map_of(gs_tree_first(&priv->maps));
}

/* The map that ends above a page. */
static struct map *find_above(const struct gntdev_file *priv, uint32_t page)
{
	struct map *found = map_of(priv->maps.last);
	struct tree_node *n = priv->maps.root;

	/* Often it is the newest. */
	if (!found || found->index <= page)
		return found && found->index + found->count > page ? found : NULL;
	while (n) {
		struct map *map = map_of(n);

		if (map->index + map->count > page) {
			found = map;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return found;
}

/* gntdev_find_map_index(): the index comes in an int. */
struct map *gs_map_at(const struct gntdev_file *priv, uint64_t page, uint32_t count)
{
	struct map *map = find_above(priv, (uint32_t)page);

	if (!map || map->index != (uint32_t)page || (count && map->count != count))
		return NULL;
	return map;
}

static uint64_t int_offset(uint32_t pages)
{
	return (uint64_t)(int64_t)(int32_t)(pages << GNTSIM_PAGE_SHIFT);
}

uint64_t gs_map_offset(const struct map *map)
{
	return int_offset(map->index);
}

/*
 * The map whose offsets hold a byte, as SET_UNMAP_NOTIFY looks for it. Beyond 2 GiB the driver's
 * offsets wrap, and the first map that seems to fit is taken.
 */
struct map *gs_map_holding(const struct gntdev_file *priv, uint64_t offset)
{
	struct map *map;

	if (offset / PAGE < SANE_PAGES) {
		map = find_above(priv, (uint32_t)(offset / PAGE));
		if (map && map->index <= offset / PAGE)
			return map;
	}
	map = find_above(priv, SANE_PAGES - 1);
	for (; map; map = map_of(gs_tree_next(&map->node)))
		if (offset >= gs_map_offset(map) && offset < int_offset(map->index + map->count))
			return map;
	return NULL;
}
