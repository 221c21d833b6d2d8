from lemai_chassis import migrations
from marketplace_adapter.storage import METADATA

migrations.run(METADATA)
