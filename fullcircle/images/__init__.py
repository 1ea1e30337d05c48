"""Arrays of pixels and picture files, without any domain: noise, opening files, contact sheets, augmentation."""
